"""Songs and models as the page gets them: plain values on one scale from 0 to 100."""

from typing import Any

import numpy as np

from songmood.evaluation.quantiles import percentiles
from songmood.tagging.app.songs import Song
from songmood.tagging.music_tagger import MusicTagger
from songmood.tagging.tags import Tags


def plain_model(name: str, tagger: MusicTagger) -> dict[str, Any]:
    """What the page says of a model."""
    (network,) = tagger.networks
    unit = "score" if network.quantiles is None else "percentile"
    return {"name": name, "tags": list(tagger.names), "scale": network.scale, "unit": unit}


def plain_song(song: Song) -> dict[str, Any]:
    """A song in the list: how far it is."""
    seconds = {"length": round(song.length, 1), "heard": round(song.heard, 1)}
    about = {"key": song.key, "name": song.name, "state": song.state, "model": song.model, "reason": song.reason}
    return about | seconds


def plain_tags(tags: Tags, tagger: MusicTagger) -> dict[str, Any]:
    """What a model says of a song.

    Returns:
        ``rows``, a tag each, the most remarkable first: its share of the scale, its score, whether it is decided;
        ``timeline``: ``edges`` (W + 1,), the seconds at which one window gives way to the next, and ``values``, tag ->
        (W,) shares; ``duration``, seconds; ``notes``.
    """
    rows = [
        {
            "tag": row.tag,
            "share": round(100.0 * row.score if row.percentile is None else row.percentile, 1),
            "score": round(row.score, 4),
            "decided": bool(row.is_decided),
        }
        for row in tags.top()
    ]
    return {"rows": rows, "timeline": _timeline(tags, tagger), "duration": tags.duration, "notes": list(tags.notes)}


def _timeline(tags: Tags, tagger: MusicTagger) -> dict[str, Any]:
    (network,) = tagger.networks
    assert tags.timeline is not None  # which only several networks can lack
    scores, table = tags.timeline.scores, network.quantiles
    shares = 100.0 * scores if table is None else np.array([percentiles(row, table) for row in scores])
    centres = (tags.timeline.start + tags.timeline.end) / 2
    edges = np.array([0.0, *((centres[:-1] + centres[1:]) / 2), tags.duration])
    values = shares.T.astype(np.float64).round(1).tolist()
    return {"edges": edges.round(2).tolist(), "values": dict(zip(tags.names, values, strict=True))}
