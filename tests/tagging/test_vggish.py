"""The published network: its weights from where they are, its scores as published, its scale from its test scores."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import songmood.tagging.vggish as module
from essentia_chain import essentia_mel
from faulty_server import FaultyServer, endless, error_page, wrong_bytes
from songmood.errors import CheckpointError, DownloadError
from songmood.evaluation.quantiles import quantile_table
from songmood.models.published import load_vggish_weights
from songmood.tagging.engine import Engine
from songmood.tagging.load import load_tagger
from songmood.tagging.vggish import WINDOW, fetch_weights, published_vggish


@pytest.fixture(scope="session")
def weights(reference: Path) -> Path:
    return reference / "jamendo" / "baseline" / "vggish_weights.pth"


def test_its_tags_are_the_tasks_and_its_scale_is_its_own_published_scores(reference: Path, weights: Path) -> None:
    network = published_vggish(weights)
    scores = np.load(reference / "jamendo" / "baseline" / "baseline_vggish_predictions.npy").astype(np.float64)
    decisions = np.load(reference / "jamendo" / "baseline" / "baseline_vggish_decisions.npy")
    assert list(network.tags) == (reference / "jamendo" / "moodtheme_split.txt").read_text().split()
    np.testing.assert_array_equal(scores >= network.thresholds, decisions)
    np.testing.assert_allclose(network.quantiles, quantile_table(scores), rtol=1e-5)


def test_the_centre_windows_of_real_pieces_have_the_published_scores(reference: Path, weights: Path) -> None:
    network = published_vggish(weights)
    engine, scored = Engine(network, torch.device("cpu")), []
    paths = [line.split("\t")[3] for line in (reference / "gamemusic" / "tracks.tsv").read_text().splitlines()[1:]]
    for path in paths:
        mel = np.load(reference / "gamemusic" / "melspecs" / path.replace("mp3", "npy")).T
        start = (len(mel) - network.window) // 2
        engine.add(mel[start : start + network.window], None, scored)
    engine.flush()
    expected = np.load(reference / "gamemusic" / "vggish_scores.npy")
    np.testing.assert_allclose([window.scores for window in scored], expected, atol=1e-5)


@pytest.mark.parametrize(("name", "lead"), [("sad", 128), ("transience", 0), ("chimes_they_fade", 0)])
def test_real_files_get_the_scores_of_essentias_spectrograms(
    reference: Path, weights: Path, name: str, lead: int
) -> None:
    standard = pytest.importorskip("essentia.standard", reason="Essentia is not installed")
    path = reference / "gamemusic" / "audio" / f"{name}.ogg"
    samples = standard.MonoLoader(filename=str(path), sampleRate=12_000, resampleQuality=4)()
    tags = load_tagger(weights).tag(path)
    # FFmpeg starts a packet earlier where that lies beside the headers (see tests/audio/test_audio.py), and keeps what
    # the encoder padded the end with: a frame more, which would move the last window.
    mel = essentia_mel(samples[round(lead * 12_000 / soundfile.info(path).samplerate) :])[
        : round(tags.duration * 46.875) + 1
    ]
    net = load_vggish_weights(weights)
    starts = [*range(0, len(mel) - WINDOW, WINDOW // 2), len(mel) - WINDOW]
    windows = torch.from_numpy(np.stack([mel[start : start + WINDOW].T for start in starts]))
    with torch.no_grad():
        expected = net(windows[:, None]).sigmoid().mean(dim=0)
    np.testing.assert_allclose(tags.values, expected, atol=2e-3)


def test_the_weights_are_fetched_once_and_checked(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer({"/best_model.pth": weights.read_bytes()}) as server:
        monkeypatch.setattr(module, "URL", f"{server.url}/best_model.pth")
        monkeypatch.setenv("SONGMOOD_DATA", str(tmp_path))
        first, again = published_vggish(), published_vggish()
        assert server.requests == {"/best_model.pth": 1}
    assert first.fingerprint == again.fingerprint == published_vggish(weights).fingerprint
    assert (tmp_path / "models" / "vggish_weights.pth").read_bytes() == weights.read_bytes()


@pytest.mark.parametrize("fault", [wrong_bytes, error_page, endless, lambda request, body: request.status(503)])
def test_what_is_not_the_weights_is_refused_and_not_kept(tmp_path: Path, fault: object) -> None:
    with FaultyServer({"/w": bytes(1000)}) as server:
        server.faults["/w"] = fault  # type: ignore[assignment]
        with pytest.raises(DownloadError, match=r"w\.pth, or name it: --model FILE\.pth"):
            fetch_weights(tmp_path / "w.pth", f"{server.url}/w")
    assert not list(tmp_path.iterdir())


def test_without_network_a_line_says_where_to_put_the_file(tmp_path: Path) -> None:
    with FaultyServer({}) as server:
        url = f"{server.url}/w"
    with pytest.raises(DownloadError, match=rf"{url} cannot be fetched \(.+\); put the file at {tmp_path}/w\.pth"):
        fetch_weights(tmp_path / "w.pth", url)


def test_a_spoilt_copy_is_fetched_again(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"half of it")
    with FaultyServer({"/w": weights.read_bytes()}) as server:
        assert fetch_weights(tmp_path / "w.pth", f"{server.url}/w").read_bytes() == weights.read_bytes()


def test_weights_with_other_tags_are_refused(tmp_path: Path, weights: Path) -> None:
    state = torch.load(weights, map_location="cpu", weights_only=True)
    state["dense.weight"], state["dense.bias"] = state["dense.weight"][:50], state["dense.bias"][:50]
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(
        CheckpointError, match=r"other\.pth has 50 outputs, expected the mood and theme weights with 56"
    ):
        published_vggish(tmp_path / "other.pth")
