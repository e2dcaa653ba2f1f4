"""Stage 2: networks from spectrogram windows to tag logits."""
