"""Speed, each claim against the obvious way, side by side in one run."""
