"""What a tagger says of a track: scores, percentiles, decisions and how they go over time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DIGITS = 6  # of a score: what is beyond differs between machines


class TagScore(NamedTuple):
    """One tag of a track.

    Attributes:
        tag: its name without its category.
        score: a probability, the mean over the track's windows.
        percentile: how many percent of the reference tracks score lower, 0 to 100; None where nobody knows.
        is_decided: whether the track gets the tag; None where no threshold was fitted.
    """

    tag: str
    score: float
    percentile: float | None
    is_decided: bool | None


@dataclass(frozen=True, eq=False)
class Timeline:
    """Scores window by window.

    Attributes:
        start: (W,) seconds from the track's start.
        end: (W,) seconds; windows overlap.
        scores: (W, L) float32.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    scores: NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class Tags:
    """What one or several networks say of a track.

    Attributes:
        source: the file's path, or None for samples.
        duration: seconds.
        model: name of the network, or of several.
        fingerprint: changes with anything that changes results.
        names: (L,) tags without their category, in the network's order.
        values: (L,) float64 scores.
        ranks: (L,) percentiles, or None.
        decisions: (L,) bool, or None.
        timeline: the same window by window, or None where networks with windows of different lengths were averaged.
        embedding: (E,) float32, what the output layer sees, the mean over the windows; None unless asked for.
        notes: what one should know of these scores; mostly empty.
    """

    source: str | None
    duration: float
    model: str
    fingerprint: str
    names: tuple[str, ...]
    values: NDArray[np.float64]
    ranks: NDArray[np.float64] | None
    decisions: NDArray[np.bool_] | None
    timeline: Timeline | None = None
    embedding: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def scores(self) -> dict[str, float]:
        """Probability of each tag."""
        return dict(zip(self.names, self.values.tolist(), strict=True))

    @cached_property
    def percentiles(self) -> dict[str, float] | None:
        """Percentile of each tag, 0 to 100: one scale for rare and frequent tags."""
        return None if self.ranks is None else dict(zip(self.names, self.ranks.tolist(), strict=True))

    @property
    def decided(self) -> list[str] | None:
        """The tags that the track gets, as `top` orders them; None where no thresholds were fitted."""
        if self.decisions is None:
            return None
        return [row.tag for row in self.top() if row.is_decided]

    def top(self, count: int | None = None) -> list[TagScore]:
        """Tags, the most remarkable first: by percentile, then by score.

        Args:
            count: how many; None for all.
        """
        return list(islice(self.ranked(), count))

    def ranked(self) -> Iterator[TagScore]:
        """All tags, as `top` orders them."""
        order = np.lexsort((-self.values,) if self.ranks is None else (-self.values, -self.ranks))
        return map(self._row, order.tolist())

    def _row(self, at: int) -> TagScore:
        percentile = None if self.ranks is None else float(self.ranks[at])
        is_decided = None if self.decisions is None else bool(self.decisions[at])
        return TagScore(self.names[at], float(self.values[at]), percentile, is_decided)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, as a line of ``--format jsonl`` has it; tags in the network's order."""
        plain: dict[str, Any] = {
            "path": self.source,
            "duration": round(self.duration, 3),
            "model": self.model,
            "fingerprint": self.fingerprint,
            "notes": list(self.notes),
            "tags": [_plain(self._row(at)) for at in range(len(self.names))],
        }
        if self.timeline is not None:
            plain["timeline"] = {
                "start": self.timeline.start.round(3).tolist(),
                "end": self.timeline.end.round(3).tolist(),
                "scores": self.timeline.scores.astype(np.float64).round(DIGITS).tolist(),
            }
        return plain

    def __repr__(self) -> str:
        said = ", ".join(f"{row.tag} {_rank(row)}" for row in self.top(5))
        return f"<Tags of {self.source or 'samples'} ({self.duration:.1f} s) by {self.model}: {said}>"

    def _repr_html_(self) -> str:
        rows = "".join(_html_row(row) for row in self.top(10))
        notes = "".join(f"<div><small>{escape(note)}</small></div>" for note in self.notes)
        title = f"{escape(self.source or 'samples')}, {self.duration:.1f} s, by {escape(self.model)}"
        heads = "<tr><th>tag<th>percentile<th><th>score</tr>"
        return f"<div><b>{title}</b><table>{heads}{rows}</table>{notes}</div>"


def _plain(row: TagScore) -> dict[str, Any]:
    percentile = None if row.percentile is None else round(row.percentile, 2)
    return {"tag": row.tag, "score": round(row.score, DIGITS), "percentile": percentile, "decided": row.is_decided}


def _rank(row: TagScore) -> str:
    """The value that `top` sorts by, for people."""
    return f"{row.score:.3f}" if row.percentile is None else f"{row.percentile:.0f} %"


def _html_row(row: TagScore) -> str:
    share = 100.0 * row.score if row.percentile is None else row.percentile
    name = f"<b>{escape(row.tag)}</b>" if row.is_decided else escape(row.tag)
    bar = f'<meter min="0" max="100" value="{share:.1f}"></meter>'
    return f"<tr><td>{name}<td>{_rank(row)}<td>{bar}<td>{row.score:.3f}</tr>"
