"""From the states of all time steps to one vector per window: the last state, or attention."""

from torch import Tensor, nn


class LastState(nn.Module):
    """(B, T, H) to (B, H): the state after the last step."""

    def forward(self, states: Tensor) -> Tensor:
        """The last step of `states`."""
        return states[:, -1]


class AttentionPooling(nn.Module):
    """(B, T, width) to (B, width): a mean over time with learned, input-dependent weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)  # softmax would cancel a bias

    def forward(self, states: Tensor) -> Tensor:
        """The weighted mean of `states`."""
        scores: Tensor = self.score(states)
        weights = scores.softmax(dim=1)  # (B, T, 1), sums to 1 over T
        return (weights * states).sum(dim=1)
