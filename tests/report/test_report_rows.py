from pathlib import Path

import pytest

from run_folders import make_run
from songmood.errors import RunFolderError
from songmood.evaluation.submission import write_matrix
from songmood.report.rows import ReportRow, Scored, read_entries, seen_from
from songmood.report.runfolder import read_run

OTHER_TAGS = ("mood/theme---calm", "mood/theme---epic", "mood/theme---happy", "mood/theme---slow")


def test_runs_come_in_the_papers_order_then_by_name_and_seed(tmp_path: Path) -> None:
    rows = [
        ReportRow(make_run(tmp_path / name, experiment, seed))
        for name, experiment, seed in (("zebra", None, 0), ("b", "run2", 1), ("apple", None, 0), ("c", "run2", 0))
    ]
    rows.append(ReportRow(make_run(tmp_path / "d", "vggish", 0)))
    entries, troubles = read_entries(rows, skip_unreadable=False)
    assert [entry.row.name for entry in entries] == [
        "VGG-ish, seed 0",
        "#2, seed 0",
        "#2, seed 1",
        "apple, seed 0",
        "zebra, seed 0",
    ]
    assert troubles == []


def test_what_the_caller_says_goes_before_what_the_run_says(tmp_path: Path) -> None:
    row = ReportRow(make_run(tmp_path / "run", "run2", 1), experiment="run5", seed=7)
    entries, _ = read_entries([row], skip_unreadable=False)
    assert (entries[0].row.experiment, entries[0].row.seed) == ("run5", 7)


def test_a_failed_run_is_not_read(tmp_path: Path) -> None:
    row = ReportRow(tmp_path / "nowhere", "run1", 0, "failed", "it ran out of memory")
    entries, troubles = read_entries([row, ReportRow(make_run(tmp_path / "run"))], skip_unreadable=False)
    assert [entry.row.folder.name for entry in entries] == ["run"]
    assert troubles == [row]


def test_an_unreadable_run_is_an_error_or_among_the_failed(tmp_path: Path) -> None:
    rows = [ReportRow(make_run(tmp_path / "good")), ReportRow(tmp_path / "bad", "run2")]
    with pytest.raises(RunFolderError, match="bad: no such folder"):
        read_entries(rows, skip_unreadable=False)
    entries, troubles = read_entries(rows, skip_unreadable=True)
    assert len(entries) == 1
    assert (troubles[0].status, troubles[0].experiment) == ("failed", "run2")
    assert troubles[0].note.startswith("bad: no such folder"), "without the place on this machine"


def test_runs_of_other_tags_are_not_put_side_by_side(tmp_path: Path) -> None:
    rows = [ReportRow(make_run(tmp_path / "a")), ReportRow(make_run(tmp_path / "b", tags=OTHER_TAGS))]
    with pytest.raises(RunFolderError, match=r"different tags \(mood/theme---sad\)"):
        read_entries(rows, skip_unreadable=False)
    _, troubles = read_entries(rows, skip_unreadable=True)
    assert str(tmp_path) not in troubles[0].note


def test_runs_of_other_test_tracks_are_not_put_side_by_side(tmp_path: Path) -> None:
    rows = [ReportRow(make_run(tmp_path / name)) for name in ("a", "b")]
    folder = rows[1].folder
    targets = read_run(folder).results[-1].test.targets
    write_matrix(folder / "targets.npy", ~targets)
    (folder / "metrics.json").write_text('{"test": {}}')
    with pytest.raises(RunFolderError, match="different test tracks"):
        read_entries(rows, skip_unreadable=False)


def test_no_run_with_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="none of the 1 runs has results"):
        read_entries([ReportRow(tmp_path, status="failed")], skip_unreadable=False)


def test_a_log_is_seen_from_the_reports_folder() -> None:
    assert seen_from(Path("/a/results"), Path("/a/runs/x/train.log")) == "../runs/x/train.log"
    assert seen_from(Path("/a/results"), None) == ""


def test_runs_that_differ_in_more_than_the_seed_are_not_seeds_of_one_row(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "a", "run2", 0, config={"seed": 0, "rate": 1}),
        make_run(tmp_path / "b", "run2", 1, config={"seed": 1, "rate": 1, "ckpt_path": "/x/last.ckpt"}),
        make_run(tmp_path / "c", "run2", 2, config={"seed": 2, "rate": 3}),
        make_run(tmp_path / "d", "run2", 0, config={"seed": 0, "rate": 1}),
    ]
    entries, _ = read_entries([ReportRow(run) for run in runs], skip_unreadable=False)
    assert [entry.row.name for entry in entries] == [
        "#2 (a), seed 0",
        "#2 (a), seed 1",
        "#2 (c), seed 2",
        "#2 (d), seed 0",
    ]


def test_a_result_is_called_by_its_run_and_epochs(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", "run1", 4, epochs=2, earlier=1)
    silent = make_run(tmp_path / "silent", None, 0, earlier=None)
    (silent / "metrics.csv").unlink()
    (silent / "provenance.json").unlink()
    entries, _ = read_entries([ReportRow(folder), ReportRow(silent)], skip_unreadable=False)
    labels = [Scored(entry, result).label for entry in entries for result in entry.run.results]
    assert labels == ["#1, seed 4, 1 epoch", "#1, seed 4, 2 epochs", "silent"]
