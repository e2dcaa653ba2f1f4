"""Songmood: train, evaluate and use mood-and-theme taggers for music."""

__version__ = "0.1.0"
