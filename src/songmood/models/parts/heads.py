"""Heads: from one vector per window, and the track's features where there are any, to tag logits."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class PaperHead(nn.Module):
    """The paper's head: vector and features side by side -> Dense 128 tanh -> dropout -> Dense L; logits (B, L).

    Args:
        width: size of the vector.
        num_features: features beside it; 0 for none.
        num_tags: L.
        hidden: units of the tanh layer.
        dropout: probability that one of those is zeroed in training.
    """

    def __init__(self, width: int, num_features: int, num_tags: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(width + num_features, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, num_tags)

    def forward(self, vector: Tensor, features: Tensor | None) -> Tensor:
        """Logits (B, L) from (B, width) and, with feature fusion, standardised features (B, F)."""
        inputs = vector if features is None else torch.cat([vector, features], dim=1)
        logits: Tensor = self.out(self.dropout(self.hidden(inputs).tanh()))
        return logits


class PublishedHead(nn.Module):
    """What the authors' code does without features: dropout -> Dense L; logits (B, L); arguments as of `PaperHead`."""

    def __init__(self, width: int, num_tags: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, num_tags)

    def forward(self, vector: Tensor, features: Tensor | None = None) -> Tensor:
        """Logits (B, L) from (B, width); takes no features."""
        assert features is None
        logits: Tensor = self.out(self.dropout(vector))
        return logits


class PublishedFusionHead(nn.Module):
    """What the authors' code does with features: a first opinion joins them -> Dense 128 tanh -> Dense L.

    The first opinion is the sigmoid output of a whole `PublishedHead`; it has no loss of its own. Arguments as of
    `PaperHead`.
    """

    def __init__(self, width: int, num_features: int, num_tags: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.opinion = PublishedHead(width, num_tags, dropout)
        self.hidden = nn.Linear(num_tags + num_features, hidden)
        self.out = nn.Linear(hidden, num_tags)

    def forward(self, vector: Tensor, features: Tensor | None) -> Tensor:
        """Logits (B, L) from (B, width) and standardised features (B, F)."""
        assert features is not None
        inputs = torch.cat([self.opinion(vector).sigmoid(), features], dim=1)
        logits: Tensor = self.out(self.hidden(inputs).tanh())
        return logits


def build_published_head(width: int, num_features: int, num_tags: int, hidden: int, dropout: float) -> nn.Module:
    """The authors' head for a network with features, or for one without; see `PaperHead` for the arguments."""
    if num_features:
        return PublishedFusionHead(width, num_features, num_tags, hidden, dropout)
    return PublishedHead(width, num_tags, dropout)


HEADS: Mapping[str, Callable[[int, int, int, int, float], nn.Module]] = {
    "paper": PaperHead,
    "published": build_published_head,
}
