"""`songmood compare`, from files to a verdict."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from songmood.commands.scores.compare import compare
from songmood.errors import SubmissionError
from songmood.evaluation.comparison import compare as compare_scores

app = typer.Typer()
app.command()(compare)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    truth = generator.random((300, 3)) < 0.3
    for name, gain in (("a", 0.4), ("b", 0.0)):
        np.save(tmp_path / f"{name}.npy", 0.5 * generator.random((300, 3)) + gain * truth)
    np.save(tmp_path / "truth.npy", truth)
    return tmp_path


def run(folder, *arguments):
    result = CliRunner().invoke(app, [str(folder / a) if "." in a else a for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.output


def test_the_better_submission_is_found_macro_and_per_tag(folder):
    output = run(folder, "a.npy", "b.npy", "--truth", "truth.npy", "--bootstrap", "100", "--json", "out.json")
    a, b, truth = (np.load(folder / f"{name}.npy") for name in ("a", "b", "truth"))
    expected = compare_scores(a, b, truth, ["column 0", "column 1", "column 2"], resamples=100)
    found = json.loads((folder / "out.json").read_text())
    assert found["summary"]["roc_auc_macro"]["difference"] == expected.summary["roc_auc_macro"].difference > 0
    assert found["tags"]["column 2"]["pr_auc"]["p_corrected"] == expected.tags["column 2"]["pr_auc"].p_corrected
    assert {"a.npy", "b.npy", "ROC-AUC-macro", "< 0.0001"} <= {
        part.strip() for part in output.replace("  ", "\n").split("\n")
    } | set(output.split())
    assert "Holm" in output
    assert "…" not in output


def test_tags_with_one_class_are_named(folder):
    np.save(folder / "truth.npy", np.load(folder / "truth.npy") & [True, False, True])
    output = run(folder, "a.npy", "b.npy", "--truth", "truth.npy", "--bootstrap", "10", "--json", "out.json")
    assert "left out, for want of both classes: column 1" in output
    assert list(json.loads((folder / "out.json").read_text())["tags"]) == ["column 0", "column 2"]


def test_an_undefined_difference_has_no_p_value(folder):
    np.save(folder / "a.npy", np.load(folder / "a.npy")[:1])
    np.save(folder / "truth.npy", np.array([[True, False, False]]))
    output = run(folder, "a.npy", "a.npy", "--truth", "truth.npy", "--bootstrap", "10", "--json", "out.json")
    macro = next(line.split() for line in output.splitlines() if "ROC-AUC-macro" in line)
    assert macro[-1] == "–"
    assert json.loads((folder / "out.json").read_text())["summary"]["roc_auc_macro"]["p_corrected"] is None


def test_a_submission_of_other_tracks_is_refused_by_its_name(folder):
    np.save(folder / "b.npy", np.zeros((299, 3)))
    with pytest.raises(SubmissionError, match=r"b.npy has shape \(299, 3\).*not the same tracks"):
        run(folder, "a.npy", "b.npy", "--truth", "truth.npy")
