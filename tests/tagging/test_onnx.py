"""Networks as ONNX: the scores that ONNX Runtime gives, what the card tells, and what is refused."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.audio.samples import load_audio
from songmood.cli import app
from songmood.errors import CheckpointError, TaggingError
from songmood.evaluation.quantiles import quantile_table
from songmood.models.crnn import build_crnn
from songmood.models.vggish import VGGish
from songmood.tagging.load import load_tagger
from songmood.tagging.network import Network
from songmood.tagging.onnx import to_onnx
from tiny_tagger import TAGS, WINDOW, write_checkpoint, write_music

THRESHOLDS = torch.tensor([0.3, 0.6, torch.inf])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = torch.from_numpy(quantile_table(np.random.default_rng(0).random((200, 3))))
    path = tmp_path_factory.mktemp("run") / "a.ckpt"
    return write_checkpoint(path, quantiles=table, thresholds=THRESHOLDS)


def export(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["export", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_model_and_its_card_alone_give_what_the_tagger_gives(checkpoint: Path, tmp_path: Path) -> None:
    said = export(checkpoint, tmp_path / "model.onnx")
    assert said.splitlines()[-1] == f"wrote {tmp_path / 'model.json'}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.onnx"]
    card = json.loads((tmp_path / "model.json").read_text())
    music = write_music(tmp_path / "a.wav", seconds=7)

    mel = MelSpectrogram(MelParameters(**card["mel"]))(load_audio(music, card["mel"]["sample_rate"]))
    starts = [*range(0, len(mel) - card["window"], card["hop"]), len(mel) - card["window"]]
    windows = np.stack([mel[start : start + card["window"]].T[None] for start in starts])
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    scores = session.run(["scores"], {"mel": windows})[0].mean(axis=0)

    tags = load_tagger(checkpoint).tag(music)
    np.testing.assert_allclose(scores, tags.values, atol=1e-5)
    assert (card["tags"], card["thresholds"][2], card["features"]) == (list(TAGS), None, [])
    np.testing.assert_array_equal(tags.decisions[:2], scores[:2] >= card["thresholds"][:2])
    percentiles = [np.interp(score, row, np.arange(101)) for score, row in zip(scores, card["quantiles"], strict=True)]
    np.testing.assert_allclose(percentiles, tags.ranks, atol=0.5)
    assert (card["fingerprint"], card["model"]) == (tags.fingerprint, str(checkpoint))


SMALL = {"filters": [4, 4, 4, 4], "gru_width": 4, "hidden": 8}


@pytest.mark.parametrize(
    ("build", "settings", "window", "takes_any_length"),
    [
        (build_crnn, SMALL | {"attention": True, "fusion": True, "standardise": True}, WINDOW, True),
        (build_crnn, SMALL | {"head": "published"}, 2 * WINDOW, False),  # its GRU is a loop of so many steps
        (VGGish, {}, VGGish.min_frames, True),
    ],
)
def test_onnx_runtime_gives_the_networks_scores_for_any_number_of_windows(
    build: Callable[..., nn.Module], settings: dict, window: int, takes_any_length: bool
) -> None:
    features = ("a", "b") if settings.get("fusion") else ()
    torch.manual_seed(0)
    net = build(3, len(features), **settings).eval()
    onnx = to_onnx(Network("mine", net, {}, TAGS, MelParameters(), window, features, None, None, ""))
    assert onnx.takes_any_length is takes_any_length
    session = onnxruntime.InferenceSession(onnx.model)
    for batch, frames in [(1, window), (5, window), *([(2, window + 67)] if takes_any_length else [])]:
        mel = torch.randn(batch, 1, 96, frames) * 20 - 40
        beside = torch.tensor([[1.0, torch.nan]]).expand(batch, -1) if features else None
        with torch.no_grad():
            expected = net(mel, beside).sigmoid().numpy()
        given = {"mel": mel.numpy()} | ({} if beside is None else {"features": beside.numpy()})
        np.testing.assert_allclose(session.run(None, given)[0], expected, atol=1e-4)
        assert expected.std() > 1e-4


class Remembers(nn.Module):
    """A trace holds what it saw first."""

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        return mel.mean(dim=(1, 2, 3))[:, None] * torch.ones(3) / float(mel.std())


class Unknown(nn.Module):
    """ONNX has no such thing."""

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        return torch.special.bessel_j0(mel.mean(dim=(1, 2, 3)))[:, None] * torch.ones(3)


@pytest.mark.parametrize(
    ("net", "says"),
    [(Remembers(), "ONNX Runtime's scores differ by"), (Unknown(), "cannot be exported: Exporting the")],
)
def test_a_network_that_would_score_otherwise_is_refused(net: nn.Module, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        to_onnx(Network("mine", net, {}, TAGS, MelParameters(), WINDOW, (), None, None, ""))


def test_nothing_is_left_where_the_card_cannot_be_written(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "model.json").mkdir()
    with pytest.raises(TaggingError, match=r"model\.json cannot be written"):
        export(checkpoint, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


def test_another_suffix_and_a_missing_package_are_refused_at_once(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TaggingError, match=r"model\.pt: expected a name that ends in \.onnx"):
        export(checkpoint, tmp_path / "model.pt")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        TaggingError, match=r"needs onnxruntime, which is not installed: pip install 'songmood\[onnx\]'"
    ):
        export(checkpoint, tmp_path / "model.onnx")
