"""A file's samples, its mel spectrogram and its features."""
