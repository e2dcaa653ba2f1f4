"""Losses of (B, L) logits against (B, L) targets, all of them linear in the targets.

So a window that mixup makes of two costs the same mixture of the two's losses. A loss with a `fit` is told the training
split's targets before training; what it makes of them travels in the checkpoint.
"""
