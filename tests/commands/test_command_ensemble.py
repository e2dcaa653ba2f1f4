"""`songmood ensemble`, from files to a file."""

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from songmood.commands.ensemble import ensemble
from songmood.errors import SubmissionError
from songmood.evaluation.ensemble import combine

app = typer.Typer()
app.command()(ensemble)

A = np.array([[0.2, 0.9], [0.6, 0.1], [0.5, 0.5]])
B = np.array([[0.4, 0.5], [0.2, 0.3], [0.8, 0.1]])


def run(folder, *arguments):
    for name, scores in (("a", A), ("b", B), ("transposed", B.T), ("logits", B * 9 - 4)):
        (folder / name).mkdir(exist_ok=True)
        np.save(folder / name / "s.npy", scores)
    result = CliRunner().invoke(app, [str(folder / a) if a.endswith(".npy") else a for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("how", ["mean", "rank", "logit"])
def test_files_are_combined_into_one(tmp_path, how):
    result = run(tmp_path, "a/s.npy", "b/s.npy", "--out", "e.npy", "--how", how)
    assert result.exit_code == 0
    combined = np.load(tmp_path / "e.npy")
    assert combined.dtype == np.float64
    np.testing.assert_array_equal(combined, combine([A, B], how))
    assert f"{how} of 2 submissions, 3 tracks, 2 tags" in result.output


def test_ranks_take_logits_and_means_do_not(tmp_path):
    run(tmp_path, "a/s.npy", "logits/s.npy", "--out", "e.npy", "--how", "rank")
    np.testing.assert_array_equal(np.load(tmp_path / "e.npy"), combine([A, B], "rank"))
    with pytest.raises(SubmissionError, match="expected \\[0, 1\\]"):
        run(tmp_path, "a/s.npy", "logits/s.npy", "--out", "e.npy")


def test_other_shapes_are_refused_by_file(tmp_path):
    with pytest.raises(SubmissionError, match=r"transposed/s\.npy looks transposed"):
        run(tmp_path, "a/s.npy", "transposed/s.npy", "--out", "e.npy")


def test_files_whose_folders_name_other_tags_are_refused(tmp_path):
    for name, tags in (("a", "calm\nhappy\n"), ("b", "happy\ncalm\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tags.txt").write_text(tags)
    with pytest.raises(SubmissionError, match="tag order differs: column 0 is 'calm'"):
        run(tmp_path, "a/s.npy", "b/s.npy", "--out", "e.npy")


def test_the_result_must_be_called_npy(tmp_path):
    with pytest.raises(SubmissionError, match=r"ends in \.npy"):
        run(tmp_path, "a/s.npy", "--out", "e.txt")
