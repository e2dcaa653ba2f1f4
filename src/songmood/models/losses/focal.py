"""Focal loss: what is decided well already counts little."""

from torch import Tensor, nn
from torch.nn import functional

from songmood.ranges import check_number, check_share


class FocalLoss(nn.Module):
    """Cross-entropy times how far the score is off, to a power: alpha (1 - p)^gamma of a positive's.

    Source: Lin et al., Focal loss for dense object detection, ICCV 2017. With gamma 0 and alpha 0.5 it is half the
    plain cross-entropy.

    Args:
        alpha: weight of positives, 0 to 1; negatives have 1 - alpha.
        gamma: the power, 0 or more.
    """

    def __init__(self, alpha: float = 0.25, gamma: float = 2.0) -> None:
        super().__init__()
        check_share("loss.alpha", alpha, "the weight of positives")
        check_number("loss.gamma", gamma, lambda power: power >= 0, "a power, 0 or more, such as 2")
        self.alpha = alpha
        self.gamma = gamma

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over windows and tags."""
        positive = self.alpha * logits.neg().sigmoid().pow(self.gamma) * functional.softplus(-logits)
        negative = (1 - self.alpha) * logits.sigmoid().pow(self.gamma) * functional.softplus(logits)
        return (target * positive + (1 - target) * negative).mean()
