"""Stage 4: joins data, models and evaluation into runs."""
