"""Submission files: ours are accepted, and what is wrong with others' is one line."""

import re

import numpy as np
import pytest

from songmood.errors import SubmissionError
from songmood.evaluation.submission import (
    read_decisions,
    read_matrix,
    read_scores,
    read_targets,
    refuse_other_shape,
    write_submission,
)

SCORES = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 1.0]])


def refusal(call):
    with pytest.raises(SubmissionError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


def saved(path, array):
    np.save(path, array)
    return path


def test_a_submission_is_float64_and_bool_and_reads_back(tmp_path):
    write_submission(tmp_path / "run", SCORES.astype(np.float32), SCORES > 0.4)
    predictions, decisions = np.load(tmp_path / "run" / "predictions.npy"), np.load(tmp_path / "run" / "decisions.npy")
    assert predictions.dtype == np.float64
    assert decisions.dtype == np.bool_
    assert predictions.flags.c_contiguous
    np.testing.assert_array_equal(read_scores(tmp_path / "run" / "predictions.npy"), SCORES.astype(np.float32))
    np.testing.assert_array_equal(read_decisions(tmp_path / "run" / "decisions.npy"), SCORES > 0.4)


def test_nothing_but_the_two_files_is_left_in_the_folder(tmp_path):
    write_submission(tmp_path, SCORES, SCORES > 0.4)
    write_submission(tmp_path, SCORES, SCORES > 0.4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decisions.npy", "predictions.npy"]


@pytest.mark.parametrize(
    ("scores", "decisions", "message"),
    [
        (SCORES * 2, SCORES > 0, "scores from 0.2 to 2, expected [0, 1]; apply a sigmoid"),
        (np.where(SCORES > 0.8, np.nan, SCORES), SCORES > 0, "nan in row 0, column 1, 2 such values"),
        (SCORES, SCORES, "decisions are float64, expected bool"),
        (SCORES, SCORES.T > 0, "decisions looks transposed"),
        (SCORES[0], SCORES[0] > 0, "shape (3,), expected (tracks, tags)"),
    ],
)
def test_what_the_organisers_scorer_could_not_use_is_not_written(tmp_path, scores, decisions, message):
    assert message in refusal(lambda: write_submission(tmp_path, scores, decisions))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f8", "bool", "uint8", "int64"])
def test_scores_of_any_plain_type_are_read_as_native_float64(tmp_path, dtype):
    scores = read_scores(saved(tmp_path / "s.npy", np.array([[0, 1], [1, 0]], dtype)))
    assert scores.dtype == np.dtype("=f8")
    assert scores.tolist() == [[0, 1], [1, 0]]


def test_a_matrix_in_fortran_order_is_read_as_it_is(tmp_path):
    np.testing.assert_array_equal(read_scores(saved(tmp_path / "s.npy", np.asfortranarray(SCORES))), SCORES)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (SCORES - 0.2, "scores from -0.1 to 0.8, expected [0, 1]"),
        (np.array([[0.5, 1.0000001]]), "scores from 0.5 to 1.0000001"),
        (np.array([[0.5], [np.nan]]), "nan in row 1, column 0, 1 such values"),
        (np.array([[0.5], [np.inf]]), "inf in row 1"),
        (np.zeros(4), "has shape (4,), expected (tracks, tags)"),
        (np.zeros((2, 2, 2)), "has shape (2, 2, 2)"),
        (np.zeros((0, 56)), "at least one of each"),
        (np.array([["a", "b"]]), "expected plain numbers"),
        (np.zeros((2, 2), complex), "expected plain numbers"),
        (np.array([[None, 1]], object), "pickled"),
    ],
)
def test_scores_that_cannot_be_used_are_refused_by_name(tmp_path, scores, message):
    path = saved(tmp_path / "s.npy", scores)
    text = refusal(lambda: read_scores(path))
    assert message in text
    assert str(path) in text


def test_any_scale_takes_logits_but_no_nan(tmp_path):
    np.testing.assert_array_equal(
        read_scores(saved(tmp_path / "s.npy", SCORES * 9 - 5), any_scale=True), SCORES * 9 - 5
    )
    refusal(lambda: read_scores(saved(tmp_path / "s.npy", SCORES * np.nan), any_scale=True))


def test_a_pickle_is_refused_without_running_it(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    np.save(tmp_path / "s.npy", np.array([[Bomb()]], object), allow_pickle=True)
    assert "pickled objects" in refusal(lambda: read_matrix(tmp_path / "s.npy"))


@pytest.mark.parametrize("size", [0, 4, 9, 60, 127, 128, 150])
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path, size):
    whole = saved(tmp_path / "whole.npy", SCORES).read_bytes()
    assert len(whole) == 176
    (tmp_path / "s.npy").write_bytes(whole[:size])
    assert re.search("not a .npy file|damaged or cut off", refusal(lambda: read_matrix(tmp_path / "s.npy")))


@pytest.mark.parametrize("content", [b"TRACK_ID\tARTIST_ID\n", b"PK\x03\x04 an archive", b"\x80\x04\x95 a pickle"])
def test_another_kind_of_file_is_refused(tmp_path, content):
    (tmp_path / "s.npy").write_bytes(content)
    assert "not a .npy file; write one with numpy.save" in refusal(lambda: read_matrix(tmp_path / "s.npy"))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "No such file" in refusal(lambda: read_matrix(tmp_path / "s.npy"))
    assert "cannot be read" in refusal(lambda: read_matrix(tmp_path))


def test_decisions_are_bool_or_0_and_1_but_never_floats(tmp_path):
    assert read_decisions(saved(tmp_path / "d.npy", np.array([[0, 1]], "uint8"))).tolist() == [[False, True]]
    assert "decisions are float64, expected bool" in refusal(lambda: read_decisions(saved(tmp_path / "d.npy", SCORES)))
    assert "hold 2" in refusal(lambda: read_decisions(saved(tmp_path / "d.npy", np.array([[0, 2]]))))


def test_truth_may_be_floats_of_0_and_1_but_nothing_between(tmp_path):
    assert read_targets(saved(tmp_path / "t.npy", np.array([[0.0, 1.0]]))).tolist() == [[False, True]]
    assert "truth hold 0.1 (5 such values), expected 0 and 1" in refusal(
        lambda: read_targets(saved(tmp_path / "t.npy", SCORES))
    )
    assert "truth hold nan" in refusal(lambda: read_targets(saved(tmp_path / "t.npy", np.array([[np.nan, 1.0]]))))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 2), "A looks transposed"),
        ((4, 3), "not the same tracks;"),
        ((2, 5), "not the same tags;"),
        ((9, 9), "tracks and tags"),
    ],
)
def test_other_shapes_are_told_apart(shape, message):
    assert message in refusal(lambda: refuse_other_shape(np.zeros(shape), "A", np.zeros((2, 3)), "B"))
