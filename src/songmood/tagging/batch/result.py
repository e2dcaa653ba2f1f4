"""What became of a file, as plain values and back, and what the results of a run have in common."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from songmood.tagging.tags import DIGITS, Tags, Timeline

SCHEMA = 1


@dataclass(frozen=True)
class About:
    """What all results of a ledger have in common.

    Attributes:
        model: name of the networks.
        fingerprint: of whatever changes results.
        names: (L,) tags without their category.
        thresholds: (L,), None for what is never decided; None where none were fitted.
        with_timeline: whether results hold scores window by window.
        with_embeddings: whether they hold embeddings.
        schema: of the file.
    """

    model: str
    fingerprint: str
    names: tuple[str, ...]
    thresholds: tuple[float | None, ...] | None
    with_timeline: bool = False
    with_embeddings: bool = False
    schema: int = SCHEMA


@dataclass(frozen=True)
class Failed:
    """A file that cannot be tagged.

    Attributes:
        source: its path.
        reason: in a line.
    """

    source: str
    reason: str


Result = Tags | Failed


def to_plain(result: Result) -> dict[str, Any]:
    """Without what all results of a run have in common."""
    if isinstance(result, Failed):
        return {"failed": result.reason}
    plain: dict[str, Any] = {
        "duration": round(result.duration, 3),
        "scores": result.values.round(DIGITS).tolist(),
        "percentiles": None if result.ranks is None else result.ranks.round(2).tolist(),
        "decided": None if result.decisions is None else np.flatnonzero(result.decisions).tolist(),
        "notes": list(result.notes),
    }
    if result.timeline is not None:
        line = result.timeline
        scores = line.scores.astype(np.float64).round(DIGITS).tolist()
        plain["timeline"] = [line.start.round(3).tolist(), line.end.round(3).tolist(), scores]
    if result.embedding is not None:
        plain["embedding"] = [float(f"{value:.7g}") for value in result.embedding]
    return plain


def from_plain(path: str, plain: dict[str, Any], about: About) -> Result:
    """What `to_plain` was given, scores rounded."""
    if "failed" in plain:
        return Failed(path, plain["failed"])
    decisions = None if plain["decided"] is None else np.isin(np.arange(len(about.names)), plain["decided"])
    timeline = None
    if "timeline" in plain:
        start, end, scores = plain["timeline"]
        timeline = Timeline(np.array(start), np.array(end), np.array(scores, dtype=np.float32))
    return Tags(
        source=path,
        duration=plain["duration"],
        model=about.model,
        fingerprint=about.fingerprint,
        names=about.names,
        values=np.array(plain["scores"]),
        ranks=None if plain["percentiles"] is None else np.array(plain["percentiles"]),
        decisions=decisions,
        timeline=timeline,
        embedding=np.array(plain["embedding"], dtype=np.float32) if "embedding" in plain else None,
        notes=tuple(plain["notes"]),
    )
