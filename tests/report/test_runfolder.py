import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from run_folders import NUM_TRACKS, TAGS, draw, make_run
from songmood.errors import RunFolderError
from songmood.report.runfolder import read_run


def test_a_run_is_read_with_its_earlier_checkpoint_first(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "run", "run3", seed=4, epochs=3, earlier=2))
    assert run.tags == TAGS
    assert (run.experiment, run.seed) == ("run3", 4)
    assert [(result.epochs, result.is_final) for result in run.results] == [(2, False), (3, True)]
    assert run.series["train/loss"] == ([1, 2, 3], [1, 0.5, 1 / 3])
    final = run.results[-1]
    assert final.test.scores.shape == (NUM_TRACKS, len(TAGS))
    assert final.fitted_on == "validation"
    assert final.thresholds is not None
    assert final.thresholds.tags == TAGS
    scores, targets = draw(1.5, 4)
    assert final.evaluation.summary["roc_auc_macro"] == pytest.approx(roc_auc_score(targets, scores, average="macro"))


def test_a_checkpoint_of_the_last_epoch_is_the_result_itself(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "run", epochs=2, earlier=2))
    assert [(result.epochs, result.is_final) for result in run.results] == [(2, True)]


def test_a_run_that_trains_nothing_needs_no_history_thresholds_or_provenance(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "popularity", earlier=None)
    for name in ("metrics.csv", "thresholds.tsv", "provenance.json"):
        (folder / name).unlink()
    for path in (folder / "validation").iterdir():
        path.unlink()
    (folder / "validation").rmdir()
    run = read_run(folder)
    assert (run.experiment, run.seed, run.series) == (None, None, {})
    assert run.results[0].validation is None
    assert run.results[0].epochs is None


def cut(name: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) - 9])

    return do


def put(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


def save(name: str, matrix: object) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / name, matrix)


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (remove("predictions.npy"), "run: not a finished run, it has no predictions.npy"),
        (remove("decisions.npy"), "decisions.npy: cannot be read"),
        (remove("targets.npy"), "targets.npy: cannot be read"),
        (remove("metrics.json"), "metrics.json: cannot be read"),
        (remove("tags.txt"), "tags.txt: cannot be read"),
        (remove("validation/targets.npy"), "validation/targets.npy: cannot be read"),
        (remove("epoch_02/metrics.json"), "epoch_02/metrics.json: cannot be read"),
        (cut("predictions.npy"), "predictions.npy: damaged or cut off"),
        (cut("metrics.json"), "metrics.json: damaged or cut off"),
        (cut("provenance.json"), "provenance.json: damaged or cut off"),
        (put("metrics.json", "[]"), "metrics.json: holds a list"),
        (put("tags.txt", "a\nb\n"), "4 columns for 2 tags"),
        (put("tags.txt", "a\nb\na\nc\n"), "4 tags, 3 different"),
        (put("tags.txt", ""), "tags.txt: 1 tags"),
        (put("tags.txt", "a\nb\nc\nd\n"), "thresholds.tsv: its tags are not those of tags.txt"),
        (put("metrics.csv", "epoch,train/loss\n1,low\n"), "metrics.csv: could not convert"),
        (save("targets.npy", np.zeros((3, 4), bool)), "targets.npy has shape (3, 4), predictions.npy (60, 4)"),
        (save("decisions.npy", np.zeros((60, 4))), "decisions are float64, expected bool"),
        (save("predictions.npy", np.full((60, 4), 2.0)), "expected [0, 1]"),
    ],
)
def test_a_missing_or_damaged_file_is_named_in_one_line(
    tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    folder = make_run(tmp_path / "run")
    damage(folder)
    with pytest.raises(RunFolderError) as caught:
        read_run(folder)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scores_that_are_not_those_of_metrics_json_are_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["test"]["pr_auc_macro"] += 0.001
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(RunFolderError, match="the files are of different runs"):
        read_run(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="nowhere: no such folder"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="file: not a folder"):
        read_run(tmp_path / "file")


def test_a_configuration_is_shared_without_places_and_what_seeds_differ_in(tmp_path: Path) -> None:
    config = {
        "seed": 3,
        "ckpt_path": "/x/last.ckpt",
        "a": ["/home/me/a.h5", r"C:\me\b.h5", "c/d.h5", 7],
        "b": {"c": "/d"},
    }
    run = read_run(make_run(tmp_path / "run", config=config))
    assert run.shared_config == {"a": ["…/a.h5", "…/b.h5", "c/d.h5", 7], "b": {"c": "…/d"}}
    assert read_run(make_run(tmp_path / "odd", config="none")).shared_config == {}


def test_the_rule_of_the_thresholds_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", earlier=None)
    assert read_run(folder).results[0].rule == "elbow"
    (folder / "thresholds.tsv").unlink()
    assert read_run(folder).results[0].rule == "an unnamed rule"


def test_rows_know_their_tracks_where_the_run_says(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", earlier=None)
    (folder / "tracks.txt").unlink()
    result = read_run(folder).results[0]
    assert result.test.track_ids == ()
    assert result.validation is not None
    assert result.validation.track_ids[59] == "validation_59"
