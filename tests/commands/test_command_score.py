"""`songmood score`, from files to files."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from songmood.commands.scores.score import score
from songmood.errors import CorpusError, SongmoodError, SubmissionError
from songmood.evaluation.metrics import evaluate
from songmood.tracks import Track, write_tracks

app = typer.Typer()
app.command()(score)

TAGS = ("mood/theme---calm", "mood/theme---dark", "mood/theme---happy")
SCORES = np.array([[0.9, 0.1, 0.3], [0.2, 0.8, 0.6], [0.4, 0.3, 0.7], [0.1, 0.6, 0.2]])
TARGETS = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1]], bool)


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "scores.npy", SCORES)
    np.save(tmp_path / "truth.npy", TARGETS)
    np.save(tmp_path / "decisions.npy", SCORES > 0.5)
    tracks = [
        Track(f"track_{row}", "artist", "album", f"00/{row}.mp3", 30.0, tuple(np.array(TAGS)[tags]))
        for row, tags in enumerate(TARGETS)
    ]
    write_tracks(tmp_path / "truth.tsv", tracks)
    (tmp_path / "names").write_text("\n".join(TAGS) + "\n")
    return tmp_path


def run(folder, *arguments):
    result = CliRunner().invoke(app, [str(folder / a) if "." in str(a) or a == "names" else str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def refusal(folder, *arguments):
    with pytest.raises(SongmoodError) as error:
        run(folder, *arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("truth", ["truth.npy", "truth.tsv"])
def test_a_matrix_and_a_tsv_are_the_same_truth(folder, truth):
    run(folder, "scores.npy", "--truth", truth, "--decisions", "decisions.npy", "--json", "out.json")
    expected = evaluate(SCORES, TARGETS, SCORES > 0.5, TAGS)
    seen = json.loads((folder / "out.json").read_text())
    assert {name: seen[name] for name in expected.summary} == expected.summary
    assert list(seen["tags"]) == (list(TAGS) if truth == "truth.tsv" else ["column 0", "column 1", "column 2"])


def test_the_table_has_the_organisers_rows_and_six_decimals(folder):
    output = run(folder, "scores.npy", "--truth", "truth.tsv", "--decisions", "decisions.npy")
    rows = dict(line.split() for line in output.splitlines() if "-ma" in line or "-mi" in line)
    assert list(rows)[:5] == ["ROC-AUC-macro", "PR-AUC-macro", "precision-macro", "recall-macro", "F-score-macro"]
    assert rows["ROC-AUC-micro"] == f"{evaluate(SCORES, TARGETS, None, TAGS).summary['roc_auc_micro']:.6f}"


def test_per_tag_and_intervals_are_printed_whole(folder):
    output = run(folder, "scores.npy", "--truth", "truth.tsv", "--per-tag", "--bootstrap", "20", "--json", "out.json")
    assert "95% interval" in output
    assert {"calm", "dark", "happy"} <= set(output.split())
    assert "…" not in output
    intervals = json.loads((folder / "out.json").read_text())["intervals"]
    assert (intervals["resamples"], intervals["level"], intervals["seed"]) == (20, 0.95, 0)
    low, high = intervals["roc_auc_micro"]
    assert 0 < low < high < 1
    assert set(intervals["tags"]) == set(TAGS)


def test_a_tag_that_looks_like_markup_is_shown_as_it_is(folder):
    (folder / "names").write_text("a[/b]\ncalm[bold]\nhappy\n")
    np.save(folder / "truth.npy", TARGETS & [True, True, False])
    output = run(folder, "scores.npy", "--truth", "truth.npy", "--tags", "names", "--per-tag")
    assert {"a[/b]", "calm[bold]"} <= set(output.split())


def test_a_tag_without_both_classes_is_named(folder):
    np.save(folder / "truth.npy", TARGETS & [True, True, False])
    output = run(folder, "scores.npy", "--truth", "truth.npy", "--tags", "names")
    assert "1 tags without both classes are left out of macro: mood/theme---happy" in output


@pytest.mark.parametrize("name", ["run_1", "run_3"])
def test_a_published_run_gives_its_published_results(reference, tmp_path, name):
    source = reference / "jamendo"
    files = [source / "submissions" / f"{name}_{kind}.npy" for kind in ("predictions", "decisions")]
    truth = source / "autotagging_moodtheme-test.tsv"
    run(tmp_path, files[0], "--truth", truth, "--decisions", files[1], "--out", "results.tsv")
    assert (tmp_path / "results.tsv").read_bytes() == (source / "submissions" / f"{name}.tsv").read_bytes()


def test_transposed_scores_are_called_so(folder):
    np.save(folder / "scores.npy", SCORES.T)
    assert "looks transposed" in refusal(folder, "scores.npy", "--truth", "truth.npy")


def test_transposed_decisions_are_called_so(folder):
    np.save(folder / "decisions.npy", SCORES.T > 0.5)
    message = refusal(folder, "scores.npy", "--truth", "truth.npy", "--decisions", "decisions.npy")
    assert "decisions.npy looks transposed" in message


def test_logits_are_refused_unless_any_scale_is_asked_for(folder):
    np.save(folder / "scores.npy", SCORES * 9 - 4)
    assert "expected [0, 1]; apply a sigmoid to logits, or take --any-scale" in refusal(
        folder, "scores.npy", "--truth", "truth.npy"
    )
    assert "ROC-AUC-macro" in run(folder, "scores.npy", "--truth", "truth.npy", "--any-scale")


def test_float_decisions_are_refused(folder):
    message = refusal(folder, "scores.npy", "--truth", "truth.npy", "--decisions", "scores.npy")
    assert "decisions are float64, expected bool" in message


def test_tags_beside_the_predictions_must_be_the_ones_given(folder):
    (folder / "tags.txt").write_text("\n".join(TAGS[::-1]) + "\n")
    message = refusal(folder, "scores.npy", "--truth", "truth.npy", "--tags", "names")
    assert "tag order differs: column 0 is 'mood/theme---calm'" in message


def test_tags_that_are_not_in_the_tasks_order_are_refused(folder):
    (folder / "names").write_text("\n".join(TAGS[::-1]) + "\n")
    assert "alphabetical order" in refusal(folder, "scores.npy", "--truth", "truth.tsv", "--tags", "names")


def test_columns_follow_the_tags_that_lie_beside_the_predictions(folder):
    (folder / "tags.txt").write_text("\n".join(TAGS[::-1]) + "\n")
    np.save(folder / "scores.npy", SCORES[:, ::-1])
    run(folder, "scores.npy", "--truth", "truth.tsv", "--json", "out.json")
    seen = json.loads((folder / "out.json").read_text())
    assert seen["tags"][TAGS[0]] == evaluate(SCORES, TARGETS, None, TAGS).tags[TAGS[0]]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["track_0", "track_2", "track_1", "track_3"], "row 1 is track_2"),
        (["track_0"], "has 1 tracks"),
    ],
)
def test_tracks_beside_the_predictions_must_be_the_tsvs(folder, ids, message):
    (folder / "tracks.txt").write_text("\n".join(ids) + "\n")
    assert message in refusal(folder, "scores.npy", "--truth", "truth.tsv")


def test_track_ids_beside_the_predictions_may_have_spaces_and_must_be_text(folder):
    tsv = (folder / "truth.tsv").read_text()
    (folder / "truth.tsv").write_text(tsv.replace("track_", "my track "))
    (folder / "tracks.txt").write_text("".join(f"my track {row}\r\n" for row in range(4)))
    run(folder, "scores.npy", "--truth", "truth.tsv")
    (folder / "tracks.txt").write_bytes(b"my track 0\nmy tr\xe4ck 1\n")
    assert "tracks.txt:2: byte 0xe4 is not UTF-8" in refusal(folder, "scores.npy", "--truth", "truth.tsv")


def test_another_number_of_tags_is_refused(folder):
    (folder / "names").write_text("\n".join(TAGS[:2]) + "\n")
    assert "3 columns for 2 tags" in refusal(folder, "scores.npy", "--truth", "truth.npy", "--tags", "names")
    with pytest.raises(CorpusError, match="happy"):
        run(folder, "scores.npy", "--truth", "truth.tsv", "--tags", "names")


def test_a_missing_file_is_one_clear_line(folder):
    with pytest.raises(SubmissionError, match="No such file"):
        run(folder, "other.npy", "--truth", "truth.npy")
    with pytest.raises(CorpusError, match="No such file"):
        run(folder, "scores.npy", "--truth", "other.tsv")
