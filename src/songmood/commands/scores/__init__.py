"""The verbs on scores in files, anyone's: score, thresholds, ensemble, compare."""
