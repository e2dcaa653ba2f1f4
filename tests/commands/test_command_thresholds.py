"""`songmood thresholds`, and what it says about where thresholds come from."""

from typing import get_args

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from songmood.commands.scores.thresholds import RuleName, thresholds
from songmood.errors import ConfigError, SongmoodError, SubmissionError
from songmood.evaluation.rules import Elbow, Prior
from songmood.evaluation.thresholds import decide, read_thresholds

app = typer.Typer()
app.command()(thresholds)


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    truth = generator.random((40, 3)) < 0.3
    np.save(tmp_path / "validation.npy", generator.random((40, 3)))
    np.save(tmp_path / "truth.npy", truth)
    np.save(tmp_path / "test.npy", generator.random((30, 3)).astype(np.float32))
    return tmp_path


def run(folder, *more, apply="test.npy", truth="truth.npy"):
    files = {"--fit-scores": "validation.npy", "--fit-truth": truth, "--apply": apply}
    files |= {"--out-decisions": "decisions.npy", "--out-thresholds": "thresholds.tsv"}
    arguments = [str(part) for option, name in files.items() for part in (option, folder / name)]
    result = CliRunner().invoke(app, [*arguments, *map(str, more)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_elbow_is_fitted_on_one_set_and_decides_the_other(folder):
    output = run(folder).output
    expected = Elbow().fit(np.load(folder / "validation.npy"), np.load(folder / "truth.npy"))
    table = read_thresholds(folder / "thresholds.tsv")
    np.testing.assert_array_equal(table.thresholds, expected)
    decisions = np.load(folder / "decisions.npy")
    assert decisions.dtype == np.bool_
    np.testing.assert_array_equal(decisions, decide(np.load(folder / "test.npy"), expected))
    assert set(table.rule) == {"elbow"}
    assert set(table.fitted_on) == {"validation.npy"}
    assert "elbow thresholds, fitted on validation.npy:" in output


@pytest.mark.parametrize("rule", get_args(RuleName))
def test_every_rule_can_be_asked_for_by_its_name(folder, rule):
    run(folder, "--rule", rule)
    assert set(read_thresholds(folder / "thresholds.tsv").rule) == {rule}


def test_an_unknown_rule_is_a_wrong_argument(folder):
    result = run(folder, "--rule", "best")
    assert result.exit_code == 2


def test_the_fitting_set_can_be_given_a_name(folder):
    run(folder, "--fitted-on", "validation")
    assert set(read_thresholds(folder / "thresholds.tsv").fitted_on) == {"validation"}


@pytest.mark.parametrize("apply", ["validation.npy", "copy.npy", "shuffled.npy"])
def test_fitting_on_the_set_that_is_decided_needs_oracle_and_is_labelled(folder, apply):
    scores = np.load(folder / "validation.npy")
    np.save(folder / "copy.npy", scores)
    np.save(folder / "shuffled.npy", scores[::-1])
    with pytest.raises(SongmoodError, match="--oracle"):
        run(folder, apply=apply)
    assert not (folder / "decisions.npy").exists()
    output = run(folder, "--oracle", apply=apply).output
    assert "fitted on validation.npy (oracle)" in output
    assert set(read_thresholds(folder / "thresholds.tsv").fitted_on) == {"validation.npy (oracle)"}


def test_prior_takes_the_training_sets_frequencies(folder):
    np.save(folder / "training.npy", np.eye(3, dtype=bool).repeat([5, 3, 2], axis=0))
    run(folder, "--rule", "prior", "--frequencies", folder / "training.npy")
    expected = Prior((0.5, 0.3, 0.2)).fit(np.load(folder / "validation.npy"), np.load(folder / "truth.npy"))
    np.testing.assert_array_equal(read_thresholds(folder / "thresholds.tsv").thresholds, expected)


def test_prior_refuses_the_frequencies_of_other_tags(folder):
    np.save(folder / "training.npy", np.eye(2, dtype=bool))
    with pytest.raises(ConfigError, match="expected 3 shares"):
        run(folder, "--rule", "prior", "--frequencies", folder / "training.npy")


def test_fixed_takes_its_value(folder):
    run(folder, "--rule", "fixed", "--value", 0.25)
    assert read_thresholds(folder / "thresholds.tsv").thresholds.tolist() == [0.25] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--value", 0.0), "--value 0.0: --rule elbow does not read it; take --rule fixed"),
        (
            ("--rule", "fixed", "--frequencies", "t.npy"),
            "--frequencies t.npy: .*fixed does not read it; .*--rule prior",
        ),
    ],
)
def test_what_the_rule_does_not_read_is_refused(folder, options, message):
    with pytest.raises(SubmissionError, match=message):
        run(folder, *options)
    assert not (folder / "decisions.npy").exists()


def test_tags_that_are_never_decided_are_named(folder):
    np.save(folder / "truth.npy", np.load(folder / "truth.npy") & [True, False, True])
    assert "1 tags are never decided: column 1" in run(folder).output


@pytest.mark.parametrize(("shape", "message"), [((30, 4), "the same tags"), ((3, 30), "test.npy looks transposed")])
def test_scores_of_other_tags_are_refused(folder, shape, message):
    np.save(folder / "test.npy", np.full(shape, 0.5))
    with pytest.raises(SongmoodError, match=message):
        run(folder)


def test_tracks_named_beside_the_decided_set_are_not_those_of_the_fitting_set(folder):
    rows = ["TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"]
    rows += [f"track_{row}\tartist\talbum\t00/{row}.mp3\t30.0\t{'abc'[row % 3]}" for row in range(40)]
    (folder / "truth.npy").write_text("\n".join(rows))
    (folder / "truth.npy").rename(folder / "truth.tsv")
    (folder / "run").mkdir()
    (folder / "run" / "tracks.txt").write_text("track_1\n")
    (folder / "test.npy").rename(folder / "run" / "test.npy")
    assert run(folder, apply="run/test.npy", truth="truth.tsv").exit_code == 0
    (folder / "tracks.txt").write_text("track_1\n")  # beside the fitting set: there it counts
    with pytest.raises(SongmoodError, match="has 1 tracks"):
        run(folder, apply="run/test.npy", truth="truth.tsv")


def test_the_published_vggish_decisions_come_out_as_an_oracle_to_the_bit(reference, tmp_path):
    source = reference / "jamendo"
    scores = source / "baseline" / "baseline_vggish_predictions.npy"
    arguments = ["--fit-scores", scores, "--fit-truth", source / "groundtruth.npy", "--apply", scores, "--oracle"]
    arguments += ["--rule", "organisers_f1", "--out-decisions", tmp_path / "decisions.npy"]
    assert CliRunner().invoke(app, [str(a) for a in arguments]).exit_code == 0
    published = source / "baseline" / "baseline_vggish_decisions.npy"
    assert (tmp_path / "decisions.npy").read_bytes() == published.read_bytes()


def test_scores_of_windows_want_the_truth_of_windows(folder):
    rows = ["TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"]
    rows += [f"track_{n}\tartist_{n}\talbum_1\t00/{n}.mp3\t30.0\tmood/theme---{'ab'[n % 2]}" for n in range(8)]
    (folder / "validation.tsv").write_text("\n".join(rows) + "\n")
    (folder / "tracks.txt").write_text("".join(f"track_{n}\n" * 5 for n in range(8)))
    np.save(folder / "validation.npy", np.random.default_rng(0).random((40, 2)))
    with pytest.raises(
        SongmoodError, match=r"40 rows, one for each window, .* give the truth of its rows .*targets\.npy"
    ):
        run(folder, truth="validation.tsv")
