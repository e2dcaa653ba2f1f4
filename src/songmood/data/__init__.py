"""Stage 1: audio, spectrograms and tags in; batches of windows out."""
