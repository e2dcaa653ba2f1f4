"""`songmood ensemble`, from files to a file and from run folders to a run folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from run_folders import TAGS, draw, make_run
from songmood.commands.scores.ensemble import combine_runs as make_ensemble
from songmood.commands.scores.ensemble import ensemble
from songmood.errors import RunFolderError, SubmissionError
from songmood.evaluation.ensemble import combine, disagreement
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.rules import F1, Elbow
from songmood.evaluation.thresholds import decide
from songmood.report.runfolder import read_run

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
    with pytest.raises(SubmissionError, match=r"expected \[0, 1\]; apply a sigmoid to logits, or take --how rank$"):
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


def combine_runs(tmp_path, *options, skills=(1.5, 0.0, 1.0)):
    folders = [make_run(tmp_path / f"m{at}", None, at, skill=skill) for at, skill in enumerate(skills)]
    result = run(tmp_path, *map(str, folders), "--out", str(tmp_path / "out"), *options)
    return folders, json.loads((tmp_path / "out" / "ensemble.json").read_text()), result


def test_runs_become_a_run_folder_with_thresholds_of_its_own(tmp_path):
    _, about, result = combine_runs(tmp_path)
    members = [draw(skill, seed)[0] for seed, skill in enumerate((1.5, 0.0, 1.0))]
    validation = [draw(skill, seed + 1000) for seed, skill in enumerate((1.5, 0.0, 1.0))]
    made, scores = read_run(tmp_path / "out"), np.mean(members, axis=0)
    targets = validation[0][1]
    thresholds = Elbow().fit(np.mean([scored for scored, _ in validation], axis=0), targets)
    np.testing.assert_allclose(made.results[0].test.scores, scores, atol=1e-15)
    np.testing.assert_array_equal(made.results[0].test.decisions, decide(made.results[0].test.scores, thresholds))
    assert made.results[0].thresholds.thresholds == pytest.approx(thresholds)
    assert made.results[0].thresholds.positives == tuple(targets.sum(axis=0))
    assert (made.tags, made.results[0].fitted_on, made.results[0].rule) == (TAGS, "validation", "elbow")
    assert made.results[0].test.track_ids[:2] == ("test_0", "test_1")
    assert list(about["weights"].values()) == pytest.approx([1 / 3] * 3)
    assert list(about["disagreement"].values()) == pytest.approx(disagreement(members))
    assert [size["size"] for size in about["by_size"]] == [1, 2, 3]
    whole = evaluate(scores, draw(0, 0)[1]).summary["pr_auc_macro"]
    assert about["by_size"][2]["pr_auc"] == pytest.approx(whole)
    assert f"{whole:.4f}" in result.output


def test_weights_are_chosen_on_validation_and_taken_where_they_help(tmp_path):
    folders, about, result = combine_runs(
        tmp_path, "--weights", "validation", "--how", "rank", "--rule", "f1", skills=(3.0, 0.0, 0.0)
    )
    weights = list(about["weights"].values())
    assert about["weights"] == dict(zip(map(str, folders), about["validation"]["weights"], strict=True))
    assert weights[0] > 0.6
    made = read_run(tmp_path / "out").results[0]
    members = [draw(skill, seed)[0] for seed, skill in enumerate((3.0, 0.0, 0.0))]
    np.testing.assert_allclose(made.test.scores, combine(members, "rank", weights))
    assert made.thresholds.thresholds == pytest.approx(F1().fit(made.validation.scores, made.validation.targets))
    assert about["validation"]["pr_auc"] > about["validation"]["equal_pr_auc"]
    assert ": taken" in result.output


def test_weights_that_do_not_help_blind_are_not_taken(tmp_path):
    _, about, result = combine_runs(tmp_path, "--weights", "validation", skills=(1.0, 1.0))
    shutil.rmtree(tmp_path / "m1")
    shutil.copytree(tmp_path / "m0", tmp_path / "m1")
    result = run(
        tmp_path, *(str(tmp_path / m) for m in ("m0", "m1")), "--out", str(tmp_path / "out"), "--weights", "validation"
    )
    about = json.loads((tmp_path / "out" / "ensemble.json").read_text())
    assert list(about["weights"].values()) == [0.5, 0.5]
    assert "equal ones are taken" in result.output


def test_windows_of_a_track_are_averaged_before_members_are(tmp_path):
    folders = [make_run(tmp_path / f"m{at}", None, at) for at in range(2)]
    place = folders[0] / "validation"
    scores = np.load(place / "predictions.npy")
    for name in ("predictions", "targets", "decisions"):
        np.save(place / f"{name}.npy", np.repeat(np.load(place / f"{name}.npy"), 2, axis=0))
    apart = np.repeat(scores, 2, axis=0)
    apart[::2], apart[1::2] = scores * 0.5, scores * 0.5 + 0.5
    np.save(place / "predictions.npy", apart)
    lines = (place / "tracks.txt").read_text().splitlines()
    (place / "tracks.txt").write_text("".join(f"{line}\n{line}\n" for line in lines))
    run(tmp_path, *map(str, folders), "--out", str(tmp_path / "out"))
    other = np.load(folders[1] / "validation" / "predictions.npy")
    expected = ((scores + 0.5) / 2 + other) / 2  # the mean of s / 2 and s / 2 + 1 / 2
    np.testing.assert_allclose(np.load(tmp_path / "out" / "validation" / "predictions.npy"), expected)


def damaged(folder, what):
    if what == "tags":
        (folder / "tags.txt").write_text("".join(f"{tag}\n" for tag in (*TAGS[:3], "other")))
        (folder / "thresholds.tsv").unlink()
    elif what == "tracks":
        (folder / "tracks.txt").write_text("".join(f"x{at}\n" for at in range(60)))
    elif what == "rows":
        (folder / "tracks.txt").write_text("one\n")
    elif what == "nameless":
        (folder / "validation" / "tracks.txt").unlink()
    else:
        shutil.rmtree(folder / "validation")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("tags", "m1 and .*m0 are of different tags"),
        ("tracks", "m1 and .*m0 are of different tracks"),
        ("rows", r"tracks\.txt: 1 tracks for 60 rows"),
        ("nameless", "m1/validation: no scores with a tracks.txt"),
        ("no validation", "m1/validation: no scores with a tracks.txt"),
    ],
)
def test_runs_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path, what, says):
    folders = [make_run(tmp_path / f"m{at}", None, at, earlier=None) for at in range(2)]
    damaged(folders[1], what)
    with pytest.raises(RunFolderError, match=says):
        run(tmp_path, *map(str, folders), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_files_and_folders_do_not_mix_and_one_run_is_none(tmp_path):
    folder = make_run(tmp_path / "m0", None, 0, earlier=None)
    with pytest.raises(SubmissionError, match=r"s\.npy is no run folder"):
        run(tmp_path, str(folder), "a/s.npy", "--out", "e")
    with pytest.raises(SubmissionError, match="nope2: no such file or folder"):
        run(tmp_path, str(folder), "nope2", "--out", "e")
    with pytest.raises(SubmissionError, match="files bring no validation scores"):
        run(tmp_path, "a/s.npy", "b/s.npy", "--out", "e.npy", "--weights", "validation")
    with pytest.raises(SubmissionError, match="--rule elbow: of files no thresholds are made"):
        run(tmp_path, "a/s.npy", "b/s.npy", "--out", "e.npy", "--rule", "elbow")
    for members, out in ([folder], "out"), ([folder, folder], "m0"):
        with pytest.raises(RunFolderError, match="two run folders or more, and an --out that is none of them"):
            run(tmp_path, *map(str, members), "--out", str(tmp_path / out))


@pytest.mark.parametrize("kept", ["predictions.npy", "checkpoints", "provenance.json"])
def test_a_trained_run_s_folder_is_no_place_for_an_ensemble(tmp_path, kept):
    folders = [make_run(tmp_path / f"m{at}", None, at, earlier=None) for at in range(2)]
    out = tmp_path / "out"
    if kept == "predictions.npy":
        make_run(out, None, 2, earlier=None)
        (out / "provenance.json").unlink()
    else:
        (out / kept).mkdir(parents=True)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with pytest.raises(RunFolderError, match="out: holds a run that is no ensemble"):
        run(tmp_path, *map(str, folders), "--out", str(out))
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_an_ensemble_is_made_again_in_its_folder_also_where_it_was_cut_short(tmp_path, monkeypatch):
    def cut_short(*_):
        raise KeyboardInterrupt

    folders = [make_run(tmp_path / f"m{at}", None, at, earlier=None) for at in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr("songmood.runs.results.write_thresholds", cut_short)  # the scores are written by then
        with pytest.raises(KeyboardInterrupt):
            make_ensemble(folders, tmp_path / "out")
    for _ in range(2):
        make_ensemble(folders, tmp_path / "out")
    assert len(read_run(tmp_path / "out").results) == 1


def test_a_run_is_no_two_members_whatever_it_is_called(tmp_path):
    folders = [make_run(tmp_path / f"m{at}", None, at, earlier=None) for at in range(2)]
    (tmp_path / "link").symlink_to(folders[0])
    with pytest.raises(RunFolderError, match=r"m0 and .*link are one run; give each run once"):
        run(tmp_path, *map(str, (*folders, tmp_path / "link")), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_folders_that_look_like_markup_are_shown_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [make_run(Path(name), None, at, earlier=None) for at, name in enumerate(("run[mix]", "augment=[/a]"))]
    for out in ("ens[mix]", "out[b"):
        output = run(tmp_path, *map(str, folders), "--out", out).output
        assert all(f" {folder} " in output for folder in folders)
        assert f"{out}: a run folder;" in output
