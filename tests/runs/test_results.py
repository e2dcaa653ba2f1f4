"""The organisers' results file, against those they published."""

import numpy as np
import pytest

from songmood.evaluation.metrics import evaluate
from songmood.evaluation.results import organisers_rows, write_results

PUBLISHED = {
    "run 1": ("submissions/run_1_predictions", "submissions/run_1_decisions", "submissions/run_1"),
    "run 3": ("submissions/run_3_predictions", "submissions/run_3_decisions", "submissions/run_3"),
    "VGG-ish": (
        "baseline/baseline_vggish_predictions",
        "baseline/baseline_vggish_decisions",
        "baseline/baseline_vggish_results",
    ),
    "popularity": ("baseline/baseline_popular_decisions",) * 2 + ("baseline/baseline_popular_results",),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_score_as_published_to_the_last_digit(reference, tmp_path, name):
    folder = reference / "jamendo"
    predictions, decisions, results = (folder / path for path in PUBLISHED[name])
    scores, chosen = np.load(f"{predictions}.npy"), np.load(f"{decisions}.npy")
    evaluation = evaluate(scores, np.load(folder / "groundtruth.npy"), chosen, [str(i) for i in range(56)])
    write_results(tmp_path / "results.tsv", evaluation.summary)
    assert (tmp_path / "results.tsv").read_bytes() == results.with_suffix(".tsv").read_bytes()


def test_without_decisions_there_are_the_four_areas():
    summary = evaluate([[0.2], [0.1]], [[1], [0]], None, ["a"]).summary
    assert list(organisers_rows(summary)) == ["ROC-AUC-macro", "PR-AUC-macro", "ROC-AUC-micro", "PR-AUC-micro"]


def test_six_decimals_a_tab_and_a_newline(tmp_path):
    write_results(tmp_path / "r.tsv", {"f1_micro": 0.12345649, "roc_auc_macro": 1.0})
    assert (tmp_path / "r.tsv").read_bytes() == b"ROC-AUC-macro\t1.000000\nF-score-micro\t0.123456\n"
