"""Distillation: to learn from a teacher's scores and from the labels at once."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.errors import ConfigError
from songmood.ranges import check_share
from songmood.vectors import read_vectors


class DistilledBCE(nn.Module):
    """Binary cross-entropy against targets that are partly the teacher's scores of the track.

    The targets are mixed before augmentation, so that mixup mixes both; validation looks at the labels alone. Source:
    Hinton et al., Distilling the knowledge in a neural network, 2015, at temperature 1: tags are no softmax.

    Attributes:
        scores: (N, L) the teacher's of the training tracks; a single NaN until `fit_tracks`.

    Args:
        teacher: a file of scores by track id, in the order of the tags; see `songmood.vectors`.
        share: of the teacher in the targets, 0 to 1.
    """

    scores: Tensor

    def __init__(self, teacher: str, share: float = 0.5) -> None:
        super().__init__()
        check_share("loss.share", share, "the teacher's share in the targets")
        self.teacher = Path(teacher)
        self.share = share
        self.register_buffer("scores", torch.tensor(torch.nan), persistent=False)

    def fit_tracks(self, track_ids: Sequence[str], num_tags: int) -> None:
        """Read the teacher's scores.

        Args:
            track_ids: (N,) of the training split; `Batch.track` indexes them.
            num_tags: L.

        Raises:
            CorpusError: the file cannot be used, or lacks tracks.
            ConfigError: it has no score in [0, 1] for each tag.
        """
        scores = read_vectors(self.teacher, track_ids).values
        if scores.shape[1] != num_tags or not ((scores >= 0) & (scores <= 1)).all():
            found = f"{scores.shape[1]} numbers from {scores.min():g} to {scores.max():g}"
            raise ConfigError(f"loss.teacher={self.teacher}: {found} a track; expected {num_tags} scores, 0 to 1")
        self.scores = torch.from_numpy(scores)

    def soften(self, target: Tensor, track: Tensor) -> Tensor:
        """What is learnt from, (B, L).

        Args:
            target: (B, L) labels.
            track: (B,) rows of the training split.
        """
        return torch.lerp(target, self.scores[track].to(target.dtype), self.share)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """The mean over windows and tags."""
        return functional.binary_cross_entropy_with_logits(logits, target)
