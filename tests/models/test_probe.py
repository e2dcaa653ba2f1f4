"""The probe against layers that are written out here, and in whole runs on vectors that a user brings."""

from pathlib import Path

import numpy as np
import pytest
import torch

from songmood.errors import ConfigError, CorpusError
from songmood.models.probe import Probe
from songmood.runs.api import evaluate_checkpoint
from songmood.tracks import read_tracks, target_matrix
from songmood.training.card import read_checkpoint
from tiny import TAGS, folder_overrides, train_here, write_corpus


def test_it_is_two_layers_of_relu_on_standardised_vectors() -> None:
    net = Probe(3, 5, hidden=(4, 2)).eval()
    vectors = torch.randn(7, 5) * 3 + 1
    net.standardiser.fit(vectors)
    first, second, last = (layer for layer in net.layers if isinstance(layer, torch.nn.Linear))
    hidden = (vectors - vectors.mean(0)) / vectors.std(0, correction=0)
    for layer in (first, second):
        hidden = torch.relu(hidden @ layer.weight.T + layer.bias)
    torch.testing.assert_close(net(torch.zeros(7, 1, 96, 1), vectors), hidden @ last.weight.T + last.bias)


def test_its_parameters_are_as_many_as_its_docstring_says() -> None:
    counted = sum(parameter.numel() for parameter in Probe(56, 1024).parameters())
    assert counted == 1025 * 512 + 513 * 256 + 257 * 56 == 670_520


def test_without_vectors_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model=probe, .* bring vectors with corpus.features_from=FILE"):
        Probe(3, 0)
    with pytest.raises(ConfigError, match=r"model.hidden\[1\]=0"):
        Probe(3, 5, hidden=(4, 0))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


TRAINED = ("model=probe", "data.window=1", "trainer.max_epochs=30", "optimizer.lr=0.01")


def write_vectors(corpus: Path, path: Path, *, without: int = 0) -> str:
    """For each track its tags, and noise: a probe can read them off."""
    tracks = [
        track for split in ("train", "validation", "test") for track in read_tracks(corpus / f"tracks-{split}.tsv")
    ]
    rng = np.random.default_rng(1)
    tags = sorted({tag for track in tracks for tag in track.tags})
    values = np.array([[tag in track.tags for tag in tags] for track in tracks]) + rng.normal(0, 0.05, (len(tracks), 3))
    kept = slice(None, len(tracks) - without)
    np.savez(path, track_id=[track.track_id for track in tracks][kept], vector=values[kept])
    return str(path)


def test_a_probe_reads_the_tags_off_vectors_that_tell_them(corpus: Path, tmp_path: Path) -> None:
    vectors = write_vectors(corpus, tmp_path / "tell.npz")
    run = train_here(corpus, tmp_path / "run", *TRAINED, f"corpus.features_from={vectors}", net=())
    assert run.metrics["test"]["pr_auc_macro"] == pytest.approx(1.0)
    assert run.tagger.card.features == ("tell.0", "tell.1", "tell.2")
    chosen = [*folder_overrides(corpus), f"corpus.features_from={vectors}", "batch_size=8"]
    again = evaluate_checkpoint(run.checkpoint, chosen, tmp_path / "again")
    np.testing.assert_allclose(again.predictions, run.predictions, rtol=1e-6)


def test_a_crnn_fuses_the_same_vectors_late(corpus: Path, tmp_path: Path) -> None:
    vectors = write_vectors(corpus, tmp_path / "tell.npz")
    train_here(corpus, tmp_path / "run", "model=crnn_fusion", f"corpus.features_from={vectors}", "trainer.max_epochs=1")
    weights = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["state_dict"]
    assert weights["net.standardiser.mean"].shape == (3,)
    assert weights["net.head.hidden.weight"].shape == (8, 4 + 3)


def test_a_track_without_a_vector_stops_the_run_before_the_cache_is_built(corpus: Path, tmp_path: Path) -> None:
    vectors = write_vectors(corpus, tmp_path / "few.npz", without=2)
    with pytest.raises(CorpusError, match=r"few.npz has no vector for 2 of 28 tracks: track_0000027, track_0000028"):
        train_here(corpus, tmp_path / "run", "model=probe", f"corpus.features_from={vectors}", net=())


@pytest.mark.parametrize(("share", "expected"), [(0.25, 1.0), (0.75, 0.0)])
def test_a_student_believes_the_teacher_of_its_tracks_by_the_teacher_s_share(
    corpus: Path, tmp_path: Path, share: float, expected: float
) -> None:
    """The teacher says the opposite of the labels, and tells of the tracks in another order."""
    vectors, tracks = write_vectors(corpus, tmp_path / "tell.npz"), read_tracks(corpus / "tracks-train.tsv")
    opposite = 1.0 - target_matrix(tracks, TAGS)
    np.savez(tmp_path / "teacher.npz", track_id=[track.track_id for track in reversed(tracks)], vector=opposite[::-1])
    taught = ("loss=distil", f"loss.teacher={tmp_path}/teacher.npz", f"loss.share={share}")
    run = train_here(corpus, tmp_path / "run", *TRAINED, f"corpus.features_from={vectors}", *taught, net=())
    assert run.metrics["test"]["roc_auc_macro"] == pytest.approx(expected, abs=0.05)
