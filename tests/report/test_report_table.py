from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from run_folders import make_run
from songmood.evaluation.bootstrap import weight_chunks
from songmood.evaluation.comparison import compare
from songmood.evaluation.metrics import evaluate
from songmood.report.build import build_report
from songmood.report.paper import PAPER_ROWS
from songmood.report.rows import ReportRow, read_entries
from songmood.report.runfolder import read_run
from songmood.report.significance import compare_rows
from songmood.report.table import TableRow, make_table

RESAMPLES = 40


def table_of(rows: list[ReportRow]) -> tuple[TableRow, ...]:
    return make_table(*read_entries(rows, skip_unreadable=True), RESAMPLES)


def test_the_papers_figures_are_as_printed() -> None:
    printed = {(row.name, row.epochs): row.figures for row in PAPER_ROWS}
    assert len(printed) == 9
    assert printed["VGG-ish", 1000] == (0.726, 0.108, 0.177, 0.166)
    assert printed["#1", 8] == (0.549, 0.043, 0.071, 0.071)
    assert printed["#3", 16] == (0.723, 0.110, 0.108, 0.111)
    assert printed["#5", 16] == (0.684, 0.089, 0.099, 0.102)


def test_seeds_share_a_row_with_their_mean_and_deviation(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"seed{seed}", "run1", seed) for seed in (0, 1, 2)]
    row = next(r for r in table_of([ReportRow(run) for run in runs]) if r.group == "run1" and r.is_final)
    values = [read_run(run).results[-1].evaluation.summary["pr_auc_macro"] for run in runs]
    estimate = row.estimates["pr_auc_macro"]
    assert estimate.seeds == tuple(values)
    assert estimate.mean == pytest.approx(sum(values) / 3)
    deviation = (sum((value - sum(values) / 3) ** 2 for value in values) / 2) ** 0.5
    assert estimate.sd == pytest.approx(deviation)
    assert 0 < estimate.low < estimate.mean < estimate.high < 1


def test_one_seed_has_no_deviation(tmp_path: Path) -> None:
    (row,) = table_of([ReportRow(make_run(tmp_path / "alone", None, earlier=None))])
    assert row.estimates["f1_macro"].sd is None


def test_the_earlier_checkpoint_meets_the_papers_eight_epochs(tmp_path: Path) -> None:
    rows = [row for row in table_of([ReportRow(make_run(tmp_path / "run", "run4"))]) if row.group == "run4"]
    assert [(row.epochs, row.paper.epochs if row.paper else None) for row in rows] == [(2, 8), (3, 16)]


def test_all_rows_of_the_paper_stand_there_once_one_has_a_run(tmp_path: Path) -> None:
    table = table_of([ReportRow(make_run(tmp_path / "run", "run3", earlier=None))])
    assert [(row.name, row.is_final) for row in table] == [(row.name, row.is_final) for row in PAPER_ROWS]
    assert [row.name for row in table if row.estimates] == ["#3"]


def test_a_run_of_no_experiment_has_its_folders_name_and_no_figures_of_the_paper(tmp_path: Path) -> None:
    (row,) = table_of([ReportRow(make_run(tmp_path / "mine", None, earlier=None))])
    assert (row.name, row.paper) == ("mine", None)


def test_failed_and_stale_runs_are_counted_in_their_row(tmp_path: Path) -> None:
    rows = [
        ReportRow(make_run(tmp_path / "good", "run2", 0, earlier=None)),
        ReportRow(make_run(tmp_path / "old", "run2", 1, earlier=None), status="stale"),
        ReportRow(tmp_path / "bad", "run2", 2, "failed"),
        ReportRow(tmp_path / "worse", "run2", 3, "failed"),
        ReportRow(tmp_path / "other", None, 2, "failed"),
    ]
    table = {(row.group, row.is_final): row for row in table_of(rows)}
    row = table["run2", True]
    assert (len(row.members), row.marks) == (2, (("1 stale", "stale"), ("2 failed", "failed")))
    assert (len(table["other", True].troubles), table["other", True].estimates) == (1, {})


def test_replicates_are_the_means_over_seeds_of_the_drawn_tracks_metrics(tmp_path: Path) -> None:
    runs = [read_run(make_run(tmp_path / str(seed), "run2", seed, earlier=None)) for seed in (0, 1)]
    row = next(row for row in table_of([ReportRow(run.path) for run in runs]) if row.estimates)
    weights = np.concatenate([chunk.T for chunk in weight_chunks(60, RESAMPLES, 0)])
    for at in (0, RESAMPLES - 1):
        drawn = np.repeat(np.arange(60), weights[at])
        tests = [run.results[-1].test for run in runs]
        summaries = [
            evaluate(test.scores[drawn], test.targets[drawn], test.decisions[drawn], list("abcd")).summary
            for test in tests
        ]
        for metric, estimate in row.estimates.items():
            assert estimate.replicates[at] == pytest.approx(sum(summary[metric] for summary in summaries) / 2)


def test_skill_is_significant_and_the_same_scores_are_not(tmp_path: Path) -> None:
    rows = [
        ReportRow(make_run(tmp_path / "blind", None, skill=0.0, earlier=None)),
        ReportRow(make_run(tmp_path / "good", None, skill=4.0, earlier=None)),
        ReportRow(make_run(tmp_path / "twin", None, skill=4.0, earlier=None)),
    ]
    compared = compare_rows(table_of(rows))
    assert list(compared) == ["ROC-AUC", "PR-AUC"]
    blind, good, twin = compared["ROC-AUC"]
    assert (blind.beats, blind.ties) == ((), ())
    assert (good.beats, good.ties) == (("blind, 3 epochs",), ("twin, 3 epochs",))
    assert twin.beats == ("blind, 3 epochs",)
    assert good.cells[1] is None
    assert good.cells[2] is not None
    assert (good.cells[2].difference, good.cells[2].p_value) == (0, 1)
    assert good.cells[0] is not None
    assert blind.cells[1] is not None
    assert good.cells[0].difference == -blind.cells[1].difference > 0.2
    assert good.cells[0].p_value == blind.cells[1].p_value < 0.001


def test_a_pair_of_rows_has_the_p_value_of_the_paired_comparison(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, None, at, skill=1 + at, earlier=None) for at, name in enumerate(("a", "b"))]
    a, b = (read_run(run).results[-1].test for run in runs)
    compared = compare_rows(table_of([ReportRow(run) for run in runs]))
    exact = compare(a.scores, b.scores, a.targets, resamples=RESAMPLES).summary
    for name, metric in (("ROC-AUC", "roc_auc_macro"), ("PR-AUC", "pr_auc_macro")):
        cell = compared[name][0].cells[1]
        assert cell is not None
        assert (cell.other, cell.difference) == ("b, 3 epochs", pytest.approx(exact[metric].difference))
        assert 0 < cell.p_value < 1
        assert cell.p_value == pytest.approx(exact[metric].p_value)


def test_p_values_are_corrected_for_the_number_of_pairs(tmp_path: Path) -> None:
    rows = [ReportRow(make_run(tmp_path / f"r{at}", None, at, skill=1 + 0.15 * at, earlier=None)) for at in range(4)]
    table = table_of(rows)
    alone = compare_rows(table[:2])["ROC-AUC"][0].cells[1]
    among = compare_rows(table)["ROC-AUC"][0].cells[1]
    assert alone is not None
    assert among is not None
    assert alone.p_value < among.p_value <= min(1, 6 * alone.p_value), "six pairs: at most six times"


def test_seeds_are_averaged_before_rows_are_compared(tmp_path: Path) -> None:
    base = [ReportRow(make_run(tmp_path / f"s{seed}", "run1", seed, skill=1.0, earlier=None)) for seed in (0, 1)]
    other = ReportRow(make_run(tmp_path / "o", "run2", 5, skill=2.0, earlier=None))
    table = {row.group: row for row in table_of([*base, other]) if row.estimates}
    verdict = compare_rows([table["run1"], table["run2"]])["ROC-AUC"][0]
    assert verdict.cells[1] is not None
    expected = table["run1"].estimates["roc_auc_macro"].mean - table["run2"].estimates["roc_auc_macro"].mean
    assert verdict.cells[1].difference == pytest.approx(expected)


def test_one_row_is_compared_with_nothing(tmp_path: Path) -> None:
    table = table_of([ReportRow(make_run(tmp_path / "run", None, earlier=None))])
    assert compare_rows(table) == {}
    assert compare_rows([replace(table[0], estimates={}), table[0]]) == {}


def test_what_came_after_the_paper_has_a_table_of_its_own_with_its_authors_figures(tmp_path: Path) -> None:
    runs = [ReportRow(make_run(tmp_path / name, name, earlier=None)) for name in ("run2", "convs", "mine")]
    content = build_report(runs, tmp_path / "results", resamples=RESAMPLES)
    assert list(content.tables) == ["Table 1", "Beyond the paper"]
    assert [row.group for row in content.tables["Table 1"] if row.estimates] == ["run2", "mine"]
    beyond = {row.group: row for row in content.tables["Beyond the paper"]}
    assert list(beyond) == ["crnn_modern", "crnn_modern_ensemble", "convs", "short_res", "fa_resnet"]
    assert [row.group for row in beyond.values() if row.estimates] == ["convs"]
    assert beyond["convs"].paper is not None
    assert beyond["convs"].paper.figures[:2] == (0.761, 0.141)
    text = (tmp_path / "results" / "RESULTS.md").read_text(encoding="utf-8")
    line = next(line for line in text.partition("## Beyond the paper")[2].splitlines() if line.startswith("| convs"))
    assert " 0.141 / " in line
    assert "| – / " in line
    alone = build_report(runs[:1], tmp_path / "alone", resamples=RESAMPLES)
    assert list(alone.tables) == ["Table 1"]
