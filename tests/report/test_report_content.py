"""What the report says in words: key figures, warnings, origins."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from run_folders import draw, make_run
from songmood.report.content import Card, Content, Notice, gather
from songmood.report.rows import ReportRow


def gathered(*rows: ReportRow) -> Content:
    return gather(rows, Path("/report"), resamples=20, skip_unreadable=True)


def config(features: str = "paper", precision: str = "32-true", **more: Any) -> dict[str, Any]:
    return {"corpus": {"features": {"name": features}}, "speed": {"precision": precision}, **more}


def test_the_cards_name_the_best_row_of_each_metric_and_count_the_runs(tmp_path: Path) -> None:
    strong, weak = (make_run(tmp_path / name, name, skill=s, earlier=None) for name, s in (("b", 3.0), ("a", 0.1)))
    content = gathered(
        ReportRow(weak, status="stale"), ReportRow(strong), ReportRow(tmp_path / "gone", "run1", 0, "failed")
    )
    best = next(row for row in content.rows if row.group == "b")
    assert content.cards == (
        Card("Best ROC-AUC", f"{best.estimates['roc_auc_macro'].mean:.3f}", "b, 3 epochs"),
        Card("Best PR-AUC", f"{best.estimates['pr_auc_macro'].mean:.3f}", "b, 3 epochs"),
        Card("Best F1 micro", f"{best.estimates['f1_micro'].mean:.3f}", "b, 3 epochs"),
        Card("Best F1 macro", f"{best.estimates['f1_macro'].mean:.3f}", "b, 3 epochs"),
        Card("Runs with results", "2 of 3", "1 stale, 1 failed"),
    )


def test_a_metric_that_no_row_has_is_on_no_card(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", None, earlier=None)
    np.save(folder / "targets.npy", np.zeros_like(draw(1, 0)[1]))
    (folder / "metrics.json").write_text('{"test": {}}')
    assert [card.name for card in gathered(ReportRow(folder)).cards] == ["Best F1 micro", "Runs with results"]
    assert gathered().cards == (Card("Runs with results", "0 of 0", ""),)


def test_tags_with_one_class_are_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", None, earlier=None)
    targets = draw(1, 0)[1]
    targets[:, 1] = False
    np.save(folder / "targets.npy", targets)
    (folder / "metrics.json").write_text('{"test": {}}')
    (notice,) = gathered(ReportRow(folder)).notices
    assert notice.text == "Left out of every macro mean, with one class in the test split: mood/theme---epic."


def test_failures_come_first_each_with_its_log_as_seen_from_the_report(tmp_path: Path) -> None:
    run = ReportRow(make_run(tmp_path / "a", "x", 0), status="stale")
    bad = ReportRow(tmp_path / "b", "run5", 1, "failed", log=Path("/runs/b/train.log"))
    assert gathered(run, bad).notices[:2] == (
        Notice("failed", "#5, seed 1: the run failed.", "../runs/b/train.log"),
        Notice("stale", "x, seed 0: made by another code, configuration or cache."),
    )


def test_what_was_not_run_is_one_note_and_no_failure(tmp_path: Path) -> None:
    run = ReportRow(make_run(tmp_path / "a", "run1", 0, earlier=None))
    absent = [ReportRow(tmp_path / f"{name}{seed}", name, seed, "not run") for name, seed in (("run1", 1), ("run2", 0))]
    content = gathered(run, *absent)
    assert content.notices[0] == Notice("note", "Not run: #1, seed 1; #2, seed 0.")
    assert content.cards[-1] == Card("Runs with results", "1 of 3", "2 not run")
    rows = {row.group: row for row in content.rows if row.is_final}
    assert (rows["run1"].marks, rows["run2"].why_empty) == ((("1 not run", "note"),), "not run")


def test_a_row_says_in_which_precision_it_was_trained(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "a", "run1", 0, earlier=None, config=config()),
        make_run(tmp_path / "b", "run2", 0, earlier=None, config=config(precision="auto"), precision="bf16-mixed"),
        make_run(tmp_path / "c", "run3", 0, earlier=None, config=config(precision="auto")),
        make_run(tmp_path / "d", "run5", 0, earlier=None, config=config(precision="auto"), precision="bf16-mixed"),
        make_run(tmp_path / "e", "run5", 1, earlier=None, config=config(precision="auto"), precision="32-true"),
        make_run(tmp_path / "f", "popularity", 0, earlier=None, config=config(baseline="popularity")),
    ]
    rows = {row.group: row for row in gathered(*map(ReportRow, runs)).rows if row.estimates}
    assert rows["run1"].about == "mel, centre window; float32"
    assert rows["run2"].about == "mel, five random windows; bfloat16"
    assert rows["run3"].about == "mel, five random windows, attention", "an old folder does not say"
    assert rows["run5"].precision == "float32, bfloat16", "its seeds differ"
    assert rows["popularity"].precision == "", "nothing is trained"


def test_rows_with_other_features_than_the_papers_say_so_and_a_notice_does(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "a", "run1", config=config("distribution"), earlier=None),
        make_run(tmp_path / "b", "run4", config=config("distribution")),
        make_run(tmp_path / "c", "run5", config=config("paper"), earlier=None),
    ]
    content = gathered(*map(ReportRow, runs))
    assert {(row.group, row.marks) for row in content.rows if row.members} == {
        ("run1", ()),
        ("run4", (("features: distribution", "note"),)),
        ("run5", ()),
    }
    texts = [notice.text for notice in content.notices]
    assert "Trained on other features than the paper's, and so another experiment: #4 on distribution." in texts


def test_an_origin_is_short_and_says_what_is_unknown(tmp_path: Path) -> None:
    said = make_run(tmp_path / "a", "x", 0, earlier=None, commit="0123456789abcdef+changes")
    silent = make_run(tmp_path / "b", "y", 0, earlier=None)
    (silent / "provenance.json").write_text("{}")
    first, second = gathered(ReportRow(said, "x"), ReportRow(silent, "y")).provenance
    assert first[3:] == ("0123456789ab+changes", "feedc0de", "3.11.2", "numpy 2.4.6, torch 2.13.0", "cores 2")
    assert second[2:] == ("finished", *"–––––")


@pytest.mark.parametrize(("key", "noun"), [("commit", "code versions"), ("cache_fingerprint", "caches")])
def test_runs_of_different_code_or_caches_are_told_apart(tmp_path: Path, key: str, noun: str) -> None:
    rows = [ReportRow(make_run(tmp_path / str(n), None, n, earlier=None, **{key: f"c{n}"})) for n in (0, 1, 2)]
    rows.append(ReportRow(make_run(tmp_path / "3", None, 3, earlier=None, **{key: "c0"})))
    (notice,) = gathered(*rows).notices
    names = "c0: 0, seed 0, 3, seed 3; c1: 1, seed 1; c2: 2, seed 2"
    assert notice == Notice("note", f"These runs are of 3 different {noun} ({names}).")
