"""What is said of a track: one scale, one order, plain values, nothing of a file's name unescaped."""

import json

import numpy as np

from songmood.tagging.tags import Tags, Timeline


def make(**changes: object) -> Tags:
    values = {
        "source": "a <b>.ogg", "duration": 12.3456, "model": "vggish", "fingerprint": "0123",
        "names": ("calm", "film", "sad"), "values": np.array([0.01, 0.5, 0.2]), "ranks": np.array([99.0, 40.0, 99.0]),
        "decisions": np.array([True, True, False]),
        "timeline": Timeline(np.array([0.0, 5.0]), np.array([10.0, 12.3456]), np.ones((2, 3), np.float32)),
    }  # fmt: skip
    return Tags(**values | changes)  # type: ignore[arg-type]


def test_the_order_is_by_percentile_then_by_score() -> None:
    tags = make()
    assert [row.tag for row in tags.top()] == ["sad", "calm", "film"]
    assert tags.top(1)[0] == ("sad", 0.2, 99.0, False)
    assert tags.decided == ["calm", "film"]
    assert tags.scores == {"calm": 0.01, "film": 0.5, "sad": 0.2}
    assert tags.percentiles == {"calm": 99.0, "film": 40.0, "sad": 99.0}


def test_without_a_scale_the_order_is_by_score() -> None:
    tags = make(ranks=None, decisions=None)
    assert [row.tag for row in tags.top(2)] == ["film", "sad"]
    assert (tags.percentiles, tags.decided) == (None, None)
    assert "film 0.500, sad 0.200" in repr(tags)


def test_plain_values_are_json() -> None:
    plain = json.loads(json.dumps(make(notes=("short",)).to_dict(), allow_nan=False))
    assert plain["tags"][0] == {"tag": "calm", "score": 0.01, "percentile": 99.0, "decided": True}
    assert plain["timeline"] == {"start": [0, 5], "end": [10, 12.346], "scores": [[1, 1, 1]] * 2}
    assert (plain["path"], plain["duration"], plain["notes"]) == ("a <b>.ogg", 12.346, ["short"])
    assert "timeline" not in make(timeline=None).to_dict()


def test_the_repr_is_a_line_and_the_notebooks_page_is_escaped() -> None:
    assert repr(make()) == "<Tags of a <b>.ogg (12.3 s) by vggish: sad 99 %, calm 99 %, film 40 %>"
    page = make(notes=("<script>",))._repr_html_()
    assert "a &lt;b&gt;.ogg" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "<b>calm</b>" in page
