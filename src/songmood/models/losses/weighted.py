"""Binary cross-entropy that weighs tags and positives by how frequent a tag is in the training split."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.ranges import check_number


class WeightedBCE(nn.Module):
    """Positives weigh 1 / p, and all of a tag 2 / (1 + 1 / p), with p the share of tracks that have the tag.

    Source: lileonardo's submission to MediaEval 2021 (vibour/emotion-theme-recognition, ``wbce``). A tag that no track
    has counts as one that one track has.

    Attributes:
        frequency: (L,) p; a single NaN until `fit`.
    """

    frequency: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequency", torch.tensor(torch.nan))

    def fit(self, targets: Tensor) -> None:
        """Take the frequencies of the training tracks.

        Args:
            targets: (N, L), 0 or 1.
        """
        self.frequency = _counts(targets) / len(targets)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over windows and tags."""
        positive = 1 / self.frequency
        weight = (2 / (1 + positive)).expand_as(logits)
        return functional.binary_cross_entropy_with_logits(logits, target, weight, pos_weight=positive)


class ClassBalancedBCE(nn.Module):
    """Each tag weighs (1 - beta) / (1 - beta^n), with n its positives, and the weights of all tags have a mean of 1.

    Source: Cui et al., Class-balanced loss based on effective number of samples, CVPR 2019. With beta 0 it is the plain
    cross-entropy; towards 1 each tag weighs 1 / n.

    Attributes:
        weight: (L,); a single NaN until `fit`.

    Args:
        beta: 0 or more and below 1.
    """

    weight: Tensor

    def __init__(self, beta: float = 0.999) -> None:
        super().__init__()
        check_number("loss.beta", beta, lambda beta: 0 <= beta < 1, "0 or more and below 1, such as 0.999")
        self.beta = beta
        self.register_buffer("weight", torch.tensor(torch.nan))

    def fit(self, targets: Tensor) -> None:
        """Take the counts of the training tracks; see `WeightedBCE.fit`."""
        weight = (1 - self.beta) / (1 - self.beta ** _counts(targets).double())  # in float32, 1 - beta^n is soon 0
        self.weight = (weight / weight.mean()).float()

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over windows and tags."""
        return functional.binary_cross_entropy_with_logits(logits, target, self.weight.expand_as(logits))


def _counts(targets: Tensor) -> Tensor:
    return targets.float().sum(dim=0).clamp(min=1)
