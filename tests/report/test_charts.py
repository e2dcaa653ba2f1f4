from pathlib import Path

import numpy as np
import pytest

from run_folders import TAGS, draw, make_run
from songmood.report.charts import (
    Chart,
    dashed,
    dots,
    figure,
    learning_chart,
    percentages_together,
    ranking_chart,
    rounded,
    table_chart,
    threshold_chart,
    together_chart,
)
from songmood.report.rows import ReportRow, Scored, read_entries
from songmood.report.table import TableRow, make_table
from songmood.tag_names import short_names

NAMES = short_names(TAGS)


def table_of(*folders: Path) -> tuple[TableRow, ...]:
    return make_table(*read_entries([ReportRow(folder) for folder in folders], skip_unreadable=True), 20)


def results_of(*folders: Path) -> list[Scored]:
    return [scored for row in table_of(*folders) for scored in row.members]


def test_the_tables_picture_has_the_papers_figure_and_ours_with_seeds_and_interval(tmp_path: Path) -> None:
    rows = table_of(*(make_run(tmp_path / str(seed), "run1", seed) for seed in (0, 1)))
    chart = table_chart(rows)
    for at, metric in ((0, "roc_auc_macro"), (1, "pr_auc_macro"), (2, "f1_micro"), (3, "f1_macro")):
        interval, paper, seeds, ours = chart.values[at]
        last = next(row for row in rows if row.group == "run1" and row.is_final)
        place = rows.index(last)
        assert last.paper is not None
        assert paper["x"][place] == last.paper.figures[at]
        estimate = last.estimates[metric]
        assert ours["x"][place] == round(estimate.mean, 4)
        assert ours["text"][place] == f"{estimate.low:.3f} to {estimate.high:.3f}"
        assert interval["x"][3 * place :][:3] == [round(estimate.low, 4), round(estimate.high, 4), None]
        assert seeds["x"][-2:] == [round(seed, 4) for seed in estimate.seeds]
        assert len(ours["x"]) == len(paper["x"]) == len(rows)
        assert len(interval["x"]) == len(chart.figure.data[0].y)
        assert len(seeds["x"]) == len(chart.figure.data[2].y) == 4
    assert ours["x"][rows.index(next(row for row in rows if row.group == "run5"))] is None


def test_learning_curves_are_the_columns_of_the_history(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name, None, earlier=None) for name in ("a", "b")]
    (folders[1] / "metrics.csv").unlink()
    results = results_of(*folders)
    loss, area = learning_chart(results, "loss"), learning_chart(results, "pr_auc_macro")
    assert loss.values == [
        [{"x": [1, 2, 3], "y": [1, 0.5, 0.33333]}, {"x": [1, 2, 3], "y": [1.1, 0.55, 0.36667]}],
        [None, None],
    ]
    assert area.values[0] == [None, {"x": [1, 2, 3], "y": [0.05, 0.1, 0.15]}]
    assert (loss.figure.layout.showlegend, area.figure.layout.showlegend) == (True, False)


def test_tags_are_ranked_best_first_with_chance_beside_them_and_one_class_last(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", None, earlier=None)
    targets = draw(1, 0)[1]
    targets[:, 1] = False
    np.save(folder / "targets.npy", targets)
    (folder / "metrics.json").write_text('{"test": {}}')
    (result,) = results_of(folder)
    values = result.result.evaluation.tags
    for at, metric in enumerate(("pr_auc", "roc_auc")):
        bars, chance = ranking_chart([result], NAMES).values[0][at]
        assert bars["x"][:3] == sorted((round(values[TAGS[tag]][metric], 3) for tag in (0, 2, 3)), reverse=True)
        assert (bars["x"][3], bars["y"][3], bars["customdata"][3]) == (None, "epic", 1)
        assert bars["y"] == [NAMES[tag] for tag in bars["customdata"]] == chance["y"]
        best = bars["customdata"][0]
        assert chance["x"][0] == (round(targets[:, best].mean(), 3) if metric == "pr_auc" else 0.5)
        assert f"{targets[:, best].sum()} positives" in bars["hovertext"][0]


def test_thresholds_stand_over_the_positives_that_they_were_fitted_on(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / name, None, earlier=None) for name in ("a", "b")]
    (folders[1] / "thresholds.tsv").unlink()
    chart = threshold_chart(results_of(*folders), NAMES)
    targets = draw(1, 0)[1]
    (shown,) = chart.values[0]
    assert shown["x"] == targets.sum(axis=0).tolist()
    assert chart.values[1] == [None]


def test_of_the_tracks_with_one_tag_the_percentage_that_has_another() -> None:
    claims = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=bool)
    assert percentages_together(claims) == [[None, 67, 0], [100, None, 0], [None, None, None]]
    chart = together_chart([claims], ["a", "<b>", "c"], (1, 0, 2))
    assert chart.values == [{"z": [[None, 100, 0], [67, None, 0], [None, None, None]]}]
    assert list(chart.figure.data[0].x) == ["&lt;b&gt;", "a", "c"], "Plotly reads HTML in names"
    assert together_chart([claims, ~claims], "abc", (0, 1, 2), "run").values[1][0]["z"][2] == [25, 50, None]


def test_a_chart_is_plain_lists_and_numbers() -> None:
    chart = Chart(figure(dashed(x=[0, 1]), dots("var(--ink)", 3, hover="%{x}")), ("run",), [[{}, {"x": [1]}]])
    said = chart.to_dict()
    assert said["choices"] == ("run",)
    assert said["figure"]["data"][0]["line"]["color"] == "var(--chord)"
    assert said["figure"]["data"][1]["hovertemplate"] == "%{x}<extra></extra>"
    assert said["figure"]["data"][0]["hoverinfo"] == "skip"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_a_gap(value: float) -> None:
    assert rounded([0.12345, value]) == [0.123, None]
