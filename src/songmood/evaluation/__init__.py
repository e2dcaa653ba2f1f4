"""Scores and targets in, metrics and decisions out; NumPy only."""
