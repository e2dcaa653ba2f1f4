"""Lightning: the Tagger, its checkpoints and callbacks, speed, tracking."""
