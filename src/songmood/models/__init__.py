"""Networks from spectrogram windows to tag logits, and their parts."""

from songmood.models.net import Net

__all__ = ["Net"]
