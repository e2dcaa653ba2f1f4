"""Which tracks, tags and splits there are, and what fills their cache."""
