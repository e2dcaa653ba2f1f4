"""From cached frames to batches of windows."""
