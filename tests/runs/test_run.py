"""A training run, from corpus to run folder."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

from songmood.errors import CheckpointError, ConfigError
from songmood.evaluation.thresholds import read_thresholds
from songmood.runs.provenance import comparable
from songmood.training.card import ModelCard, read_checkpoint
from tiny import SIZES, TAGS, train_here, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def run_folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train_here(corpus, folder, "data=random", "report_epochs=[1]", "pictures=true")
    return folder


def load(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(np.load(folder / f"{name}.npy") for name in ("predictions", "decisions", "targets"))


def test_the_submission_has_the_tasks_format(run_folder: Path) -> None:
    scores, decisions, _ = load(run_folder)
    assert scores.dtype == np.float64
    assert decisions.dtype == bool
    assert scores.shape == decisions.shape == (SIZES["test"], len(TAGS))
    assert (run_folder / "tags.txt").read_text().split() == list(TAGS)
    assert (run_folder / "tracks.txt").read_text().split() == [f"track_{number:07d}" for number in range(21, 29)]


@pytest.mark.parametrize("epoch", [".", "epoch_01"])
def test_a_scorer_of_scikit_learn_alone_gives_the_numbers_of_metrics_json(run_folder: Path, epoch: str) -> None:
    metrics = json.loads((run_folder / epoch / "metrics.json").read_text())
    for split, folder in (("test", run_folder / epoch), ("validation", run_folder / epoch / "validation")):
        scores, decisions, targets = load(folder)
        for average in ("macro", "micro"):
            expected = {
                "roc_auc": roc_auc_score(targets, scores, average=average),
                "pr_auc": average_precision_score(targets, scores, average=average),
            }
            counted = precision_recall_fscore_support(targets, decisions, average=average, zero_division=0)
            expected |= dict(zip(("precision", "recall", "f1"), counted, strict=False))
            for name, value in expected.items():
                assert metrics[split][f"{name}_{average}"] == pytest.approx(value, abs=1e-9)
        assert metrics[split]["thresholds_fitted_on"] == "validation"


def test_validation_has_a_row_for_each_of_five_windows_and_test_one_a_track(run_folder: Path) -> None:
    assert len(load(run_folder / "validation")[0]) == 5 * SIZES["validation"]
    assert len(load(run_folder)[0]) == SIZES["test"]


def test_thresholds_in_the_checkpoint_in_the_table_and_in_the_decisions_are_the_same(run_folder: Path) -> None:
    table = read_thresholds(run_folder / "thresholds.tsv")
    checkpoint = read_checkpoint(run_folder / "checkpoints" / "last.ckpt")
    assert checkpoint["state_dict"]["thresholds"].double().tolist() == table.thresholds.tolist()
    scores, decisions, _ = load(run_folder)
    assert (decisions == (scores >= table.thresholds)).all()
    positives = load(run_folder / "validation")[2].sum(axis=0)
    assert list(table.positives) == positives.tolist()
    assert table.fitted_on == ("validation",) * len(TAGS)


def test_the_epochs_are_kept_apart(run_folder: Path) -> None:
    first = read_checkpoint(run_folder / "checkpoints" / "epoch-01.ckpt")
    last = read_checkpoint(run_folder / "checkpoints" / "last.ckpt")
    assert (first["epoch"], last["epoch"]) == (0, 1)
    assert not np.array_equal(load(run_folder)[0], load(run_folder / "epoch_01")[0])


def test_a_checkpoint_needs_no_configuration_beside_it(run_folder: Path) -> None:
    path = run_folder / "checkpoints" / "last.ckpt"
    checkpoint = read_checkpoint(path)
    card = ModelCard.from_plain(checkpoint[ModelCard.KEY], path)
    net = card.make_net()
    weights = {key[4:]: value for key, value in checkpoint["state_dict"].items() if key.startswith("net.")}
    net.load_state_dict(weights)
    assert net.eval()(torch.zeros(1, 1, 96, 96), None).shape == (1, len(TAGS))
    assert card.tags == TAGS


def test_the_history_has_a_row_an_epoch(run_folder: Path) -> None:
    with (run_folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(float(row[name]) > 0 for row in rows for name in ("train/loss", "validation/loss"))
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert float(rows[-1]["validation/pr_auc_macro"]) == pytest.approx(metrics["validation"]["pr_auc_macro"], abs=1e-6)


def test_pictures_and_provenance_are_there(run_folder: Path) -> None:
    for picture in ("learning_curves.png", "tags.png", "elbows.png"):
        assert (run_folder / picture).read_bytes().startswith(b"\x89PNG")
    provenance = json.loads((run_folder / "provenance.json").read_text())
    assert provenance["seed"] == 3
    assert provenance["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert len(provenance["cache_fingerprint"]) >= 16
    assert provenance["config"]["data"]["window"] == 96
    assert provenance["precision"] in ("32-true", "bf16-mixed")


def test_a_run_with_another_callback_is_another_experiment_and_one_without_a_progress_bar_is_not() -> None:
    mine = {"mine": {"_target_": "mine.Averaging"}}
    shown = {"progress_bar": {"_target_": "songmood.training.progress_bar.RunProgressBar"}}
    assert comparable({"seed": 1, "callbacks": shown}) == comparable({"seed": 1, "callbacks": {}, "logger": {}})
    assert comparable({"seed": 1, "callbacks": shown | mine}) != comparable({"seed": 1, "callbacks": shown})


def test_the_same_seed_gives_the_same_scores_and_another_seed_others(corpus: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train_here(corpus, tmp_path / name, f"seed={seed}")
    a, b, c = (load(tmp_path / name)[0] for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_model_that_wants_features_is_refused_before_the_cache_is_built(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    with pytest.raises(ConfigError, match="no features: take a model without fusion"):
        train_here(corpus, tmp_path / "run", "model=crnn_fusion")
    assert not (corpus / "cache.h5").exists()


def test_a_checkpoint_of_another_tag_set_is_refused(run_folder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    (corpus / "tags.txt").write_text("\n".join([*TAGS, "mood/theme---sad"]) + "\n")
    with pytest.raises(CheckpointError, match="another tag set: 3 tags there, 4 in this corpus"):
        train_here(
            corpus,
            tmp_path / "run",
            "data=random",
            f"corpus.tags={corpus}/tags.txt",
            f"ckpt_path={run_folder}/checkpoints/last.ckpt",
        )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.window=0", "window=0"),
        ("data.batch_size=0", "batch_size=0"),
        ("model.gru_width=0", "gru_width=0"),
        ("model.head=none", "head=none"),
        ("data.window=50", "50"),
        ("speed.precision=8", "speed.precision=8"),
        ("speed.compile=maybe", "speed.compile=maybe"),
        ("averaging=ema averaging.decay=1.5", r"averaging\.decay=1\.5: expected a number, 0 or more and below 1"),
        ("averaging=ema averaging.decay=abc", r"averaging\.decay=abc: expected a number"),
        ("scheduler=plateau scheduler.factory.factor=3", r"scheduler\.factory=\{'factor': 3, .*Factor should be < 1"),
        ("scheduler=one_cycle scheduler.factory.pct_start=5", r"scheduler\.factory=\{'pct_start': 5\}: .* pct_start"),
        ("scheduler=linear scheduler.factory.constant=7", r"scheduler\.factory\.constant=7: expected .*, 0 to 1"),
        ("scheduler=cosine scheduler.factory.warm_up=-3", r"scheduler\.factory\.warm_up=-3: expected a whole number"),
    ],
)
def test_an_impossible_value_is_refused_before_the_cache_is_built(override: str, message: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    with pytest.raises(ConfigError, match=message):
        train_here(corpus, tmp_path / "run", *override.split())
    assert not (corpus / "cache.h5").exists()


def test_the_pipeline_learns_what_is_there_and_nothing_from_shuffled_labels(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", num_frames=96, sizes={"train": 96, "validation": 24, "test": 480})
    areas = {}
    for name, is_shuffled in (("true", "false"), ("shuffled", "true")):
        # Small batches: batch norm's running statistics follow one step in a hundred, as Keras has it.
        options = (f"data.shuffle_targets={is_shuffled}", "trainer.max_epochs=8", "data.batch_size=2")
        train_here(corpus, tmp_path / name, *options)
        areas[name] = json.loads((tmp_path / name / "metrics.json").read_text())["test"]["roc_auc_macro"]
    assert areas["true"] > 0.8
    assert areas["shuffled"] == pytest.approx(0.5, abs=0.05)
