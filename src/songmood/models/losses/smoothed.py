"""Label smoothing: no tag is quite there, and none quite absent."""

from torch import Tensor, nn
from torch.nn import functional

from songmood.ranges import check_share


class SmoothedBCE(nn.Module):
    """Binary cross-entropy against targets that are drawn towards 0.5: with smoothing 0.1, 0.95 and 0.05.

    Args:
        smoothing: how far, 0 to 1.
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        super().__init__()
        check_share("loss.smoothing", smoothing, "how far targets are drawn towards 0.5")
        self.smoothing = smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over windows and tags."""
        smooth = target * (1 - self.smoothing) + self.smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits, smooth)
