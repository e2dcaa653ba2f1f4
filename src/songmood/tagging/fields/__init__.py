"""Moods in the files' own tag fields: shown before, written whole or not at all, taken back to the last byte."""
