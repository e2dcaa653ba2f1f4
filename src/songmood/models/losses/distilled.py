"""Distillation: to learn from a teacher's scores and from the labels at once."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.errors import ConfigError, some
from songmood.ranges import check_share
from songmood.tag_names import short_names
from songmood.vectors import read_vectors


class DistilledBCE(nn.Module):
    """Binary cross-entropy against targets that are partly the teacher's scores of the track.

    The targets are mixed before augmentation, so that mixup mixes both; validation looks at the labels alone. Source:
    Hinton et al., Distilling the knowledge in a neural network, 2015, at temperature 1: tags are no softmax.

    Attributes:
        scores: (N, L) the teacher's of the training tracks; a single NaN until `fit_tracks`.

    Args:
        teacher: a file of scores by track id; see `songmood.vectors`. Columns that are named as the tags, with or
            without their category, are taken by name, all others in the order of the tags.
        share: of the teacher in the targets, 0 to 1.
    """

    scores: Tensor

    def __init__(self, teacher: str, share: float = 0.5) -> None:
        super().__init__()
        check_share("loss.share", share, "the teacher's share in the targets")
        self.teacher = Path(teacher)
        self.share = share
        self.register_buffer("scores", torch.tensor(torch.nan), persistent=False)

    def fit_tracks(self, track_ids: Sequence[str], tags: Sequence[str]) -> None:
        """Read the teacher's scores.

        Args:
            track_ids: (N,) of the training split; `Batch.track` indexes them.
            tags: (L,) names, in the order of the targets.

        Raises:
            CorpusError: the file cannot be used, or lacks tracks.
            ConfigError: it has no score in [0, 1] for each tag, or only some of its columns are named as tags.
        """
        vectors = read_vectors(self.teacher, track_ids)
        scores = vectors.values[:, self._order(vectors.names, tags)]
        if scores.shape[1] != len(tags) or not ((scores >= 0) & (scores <= 1)).all():
            found = f"{scores.shape[1]} numbers from {scores.min():g} to {scores.max():g}"
            raise ConfigError(f"loss.teacher={self.teacher}: {found} a track; expected {len(tags)} scores, 0 to 1")
        self.scores = torch.from_numpy(scores)

    def _order(self, columns: Sequence[str], tags: Sequence[str]) -> list[int]:
        """The column of each tag where they are named as the tags, in full or in short; else all as they stand."""
        row_of = {name: row for names in (short_names(tags), tags) for row, name in enumerate(names)}
        column_of = {row_of[name]: column for column, name in enumerate(columns) if name in row_of}
        if not column_of:
            return list(range(len(columns)))
        if len(columns) != len(tags) or len(column_of) != len(tags):
            lacking = [tag for row, tag in enumerate(tags) if row not in column_of]
            others = [name for name in columns if name not in row_of]
            raise ConfigError(
                f"loss.teacher={self.teacher}: its columns are named as some of the tags; expected each tag once and "
                f"nothing else (lacking: {some(lacking, 5) or 'none'}; other columns: {some(others, 5) or 'none'})"
            )
        return [column_of[row] for row in range(len(tags))]

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
