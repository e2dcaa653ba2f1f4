"""Stage 3: scores and targets in, metrics and decisions out; NumPy only."""
