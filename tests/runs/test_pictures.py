import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from run_folders import TAGS, draw, make_run
from songmood.evaluation.metrics import evaluate
from songmood.runs import pictures

ODD_TAGS = (r"mood---$\frac$ & <b>", "mood---哀しい", "mood---" + "long" * 20, "mood---é")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures that were saved, to look into."""
    saved: list[Figure] = []
    save = pictures._save
    monkeypatch.setattr(pictures, "_save", lambda figure, out: (saved.append(figure), save(figure, out)))
    return saved


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") and path.stat().st_size > 5000


def test_learning_curves_show_both_losses_and_both_areas(tmp_path: Path, figures: list[Figure]) -> None:
    pictures.learning_curves(make_run(tmp_path / "run") / "metrics.csv", tmp_path / "out.png")
    losses, roc, pr = figures[0].axes
    lines = {line.get_label(): list(line.get_ydata()) for line in losses.lines}
    assert lines == {"train": [1, 0.5, 1 / 3], "validation": [1.1, 0.55, 1.1 / 3]}
    assert list(roc.lines[0].get_xdata()) == [1, 2, 3]
    assert list(pr.lines[0].get_ydata()) == [0.05, 0.1, 0.15]
    assert is_png(tmp_path / "out.png")


def test_the_tag_chart_ranks_tags_and_marks_their_base_rates(tmp_path: Path, figures: list[Figure]) -> None:
    values = {
        "mood---low": {"pr_auc": 0.2, "roc_auc": 0.9, "positives": 10},
        "mood---none": {"pr_auc": None, "roc_auc": None, "positives": 0},
        "mood---high": {"pr_auc": 0.7, "roc_auc": 0.6, "positives": 25},
    }
    pictures.tag_chart({"num_tracks": 50, "tags": values}, tmp_path / "out.png")
    precision, area = figures[0].axes
    assert [label.get_text() for label in precision.get_yticklabels()] == ["high", "low", "none (one class)"]
    assert [bar.get_width() for bar in precision.patches] == [0.7, 0.2, 0]
    assert precision.collections[0].get_offsets()[:, 0].tolist() == [0.5, 0.2, 0]
    assert [label.get_text() for label in area.get_yticklabels()] == ["low", "high", "none (one class)"]
    assert precision.get_ylim()[0] > precision.get_ylim()[1], "the best is on top"


def test_the_elbow_is_drawn_at_its_point_and_dropped_on_the_chord(tmp_path: Path, figures: list[Figure]) -> None:
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.2], [0.1]])
    targets = np.array([[1], [0], [1], [0], [0], [0]])
    pictures.elbow_curves(scores, targets, [0.7], ["mood---calm"], tmp_path / "out.png")
    chord, curve, drop, point = figures[0].axes[0].lines
    assert (list(chord.get_xdata()), list(chord.get_ydata())) == ([0, 1], [0, 1])
    assert list(curve.get_xdata()) == [0, 0, 0.25, 0.25, 0.5, 0.75, 1]
    assert list(curve.get_ydata()) == [0, 0.5, 0.5, 1, 1, 1, 1]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (0.25, 1)
    (x0, x1), (y0, y1) = drop.get_xdata(), drop.get_ydata()
    assert (x0, y0) == (0.25, 1)
    assert x1 == y1, "on the chord"
    assert (x1 - x0) + (y1 - y0) == 0, "at a right angle"


def test_a_tag_that_is_never_decided_has_no_point(tmp_path: Path, figures: list[Figure]) -> None:
    scores, targets = draw(1.0, 0, num_tags=2)
    targets[:, 1] = False
    pictures.elbow_curves(scores, targets, [np.inf, 0.5], TAGS[:2], tmp_path / "out.png")
    assert [len(axes.lines) for axes in figures[0].axes] == [2, 2]


def test_names_of_any_script_are_drawn_as_they_are(tmp_path: Path, figures: list[Figure]) -> None:
    scores, targets = draw(1.0, 0)
    pictures.tag_chart(evaluate(scores, targets, None, ODD_TAGS).to_dict(), tmp_path / "tags.png")
    pictures.elbow_curves(scores, targets, [0.5] * 4, ODD_TAGS, tmp_path / "elbows.png")
    assert {axes.get_title() for axes in figures[1].axes} >= {r"$\frac$ & <b>", "哀しい"}
    assert is_png(tmp_path / "tags.png")
    assert is_png(tmp_path / "elbows.png")


def test_a_name_is_cut_where_it_leaves_no_room_and_not_before(tmp_path: Path, figures: list[Figure]) -> None:
    tags = ("a" * 20, "b" * 21, "c" * 32, "d" * 33)
    scores, targets = draw(1.0, 0)
    pictures.elbow_curves(scores, targets, [0.5] * 4, tags, tmp_path / "elbows.png")
    assert [axes.get_title() for axes in figures[0].axes] == [
        "a" * 20,
        "b" * 19 + "…",
        "c" * 19 + "…",
        "d" * 19 + "…",
    ]
    pictures.tag_chart(evaluate(scores, targets, None, tags).to_dict(), tmp_path / "tags.png")
    names = {label.get_text() for label in figures[1].axes[0].get_yticklabels()}
    assert names == {"a" * 20, "b" * 21, "c" * 32, "d" * 31 + "…"}


def test_more_tags_than_a_line_holds_fill_further_lines(tmp_path: Path, figures: list[Figure]) -> None:
    scores, targets = draw(1.0, 0, num_tags=11)
    pictures.elbow_curves(scores, targets, [0.5] * 11, [f"tag {i}" for i in range(11)], tmp_path / "out.png")
    assert [bool(axes.lines) for axes in figures[0].axes] == [True] * 11 + [False] * 5
    assert [axes.axison for axes in figures[0].axes] == [True] * 11 + [False] * 5, "no empty frames"


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    for name in ("a.png", "b.png"):
        pictures.learning_curves(run / "metrics.csv", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert not list(tmp_path.glob(".*")), "no partial file stays"


def test_pyplot_is_not_imported() -> None:
    code = "import sys, songmood.runs.pictures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
