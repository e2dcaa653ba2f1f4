"""The task's baseline: its size, its scores with the published weights, and files that are not those weights."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor, nn

from songmood.errors import CheckpointError, ConfigError
from songmood.models.published import load_vggish_weights
from songmood.models.vggish import FILTERS, POOLS, VGGish

CONFIGS = Path(__file__).parents[2] / "conf" / "model"


def published_state(num_tags: int = 3) -> dict[str, Tensor]:
    """A state dict under the published names, with random values."""
    generator = torch.Generator().manual_seed(0)

    def norm(name: str, width: int) -> dict[str, Tensor]:
        values = {part: torch.randn(width, generator=generator) for part in ("weight", "bias", "running_mean")}
        variance = torch.rand(width, generator=generator) + 0.5
        counter = {"num_batches_tracked": torch.tensor(7)}
        return {f"{name}.{part}": value for part, value in (values | {"running_var": variance} | counter).items()}

    state = norm("bn_init", 1)
    for index, (before, after) in enumerate(zip((1, *FILTERS), FILTERS, strict=False), start=1):
        state[f"conv_{index}.weight"] = torch.randn(after, before, 3, 3, generator=generator) / (9 * before) ** 0.5
        state[f"conv_{index}.bias"] = torch.randn(after, generator=generator)
        state |= norm(f"bn_{index}", after)
    dense = torch.randn(num_tags, 65, generator=generator)
    return state | {"dense.weight": dense[:, 1:], "dense.bias": dense[:, 0]}


def textbook(state: dict[str, Tensor], windows: Tensor) -> Tensor:
    """Logits by the facts' words alone: convolution with bias, batch norm, ELU, pooling, five times."""
    functional = nn.functional

    def norm(name: str, maps: Tensor) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(maps, mean, variance, state[f"{name}.weight"], state[f"{name}.bias"])

    maps = norm("bn_init", windows)
    for index, pool in enumerate(POOLS, start=1):
        maps = functional.conv2d(maps, state[f"conv_{index}.weight"], state[f"conv_{index}.bias"], padding=1)
        maps = functional.max_pool2d(functional.elu(norm(f"bn_{index}", maps)), pool)
    return functional.linear(maps.flatten(1), state["dense.weight"], state["dense.bias"])


def test_the_config_has_the_parameters_counted_by_hand() -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        net = instantiate(compose("vggish"), num_tags=56, num_features=22)
    convolutions = 9 * (64 + 64 * 128 + 128 * 128 + 128 * 128 + 128 * 64)
    norms = 2 * (1 + 64 + 128 + 128 + 128 + 64)
    assert sum(parameter.numel() for parameter in net.parameters()) == convolutions + norms + 64 * 56 + 56
    assert not net.uses_features


def test_published_names_are_read_as_the_network_they_mean(tmp_path: Path) -> None:
    state = published_state()
    torch.save(state, tmp_path / "weights.pth")
    net = load_vggish_weights(tmp_path / "weights.pth")
    windows = torch.randn(2, 1, 96, 1366) * 20 - 40
    with torch.no_grad():
        torch.testing.assert_close(net(windows), textbook(state, windows), rtol=1e-3, atol=1e-3)
    assert not net.training


def test_published_weights_give_the_scores_of_the_reference(reference: Path) -> None:
    net = load_vggish_weights(reference / "jamendo" / "baseline" / "vggish_weights.pth")
    music = reference / "gamemusic"
    with (music / "tracks.tsv").open() as file:
        paths = [row["PATH"] for row in csv.DictReader(file, delimiter="\t", restkey="more tags")]
    scores = []
    for path in paths:
        decibels = np.load((music / "melspecs" / path).with_suffix(".npy"))
        start = (decibels.shape[1] - 1366) // 2
        window = torch.from_numpy(decibels[:, start : start + 1366].copy())[None, None]
        with torch.no_grad():
            scores.append(net(window)[0].sigmoid().numpy())
    np.testing.assert_allclose(np.stack(scores), np.load(music / "vggish_scores.npy"), rtol=0, atol=1e-4)


def test_a_long_window_is_averaged_over_its_steps() -> None:
    net = VGGish(3).eval()
    assert net(torch.randn(2, 1, 96, 2732)).shape == (2, 3)


def test_a_window_below_the_minimum_is_refused() -> None:
    net = VGGish(3).eval()
    assert net.min_frames == 1280
    assert net(torch.randn(1, 1, 96, 1280)).shape == (1, 3)
    with pytest.raises(ValueError, match=r"a window of 1279 frames is too short.*at least 1280"):
        net(torch.randn(1, 1, 96, 1279))


def test_a_track_scores_the_same_alone_and_in_a_batch() -> None:
    net, windows = VGGish(3).eval(), torch.randn(2, 1, 96, 1366)
    torch.testing.assert_close(net(windows)[:1], net(windows[:1]))


@pytest.mark.parametrize("settings", [{"num_tags": 0}, {"num_tags": 3, "dropout": 2.0}])
def test_an_impossible_setting_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"expected a (whole number|probability)"):
        VGGish(**settings)  # type: ignore[arg-type]


def without(state: dict[str, Tensor], key: str) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"weight": torch.ones(2)}, "holds another network"),
        (without(published_state(), "conv_3.weight"), "holds another network.*conv_3.weight"),
        (published_state() | {"conv_3.weight": torch.ones(2, 2, 3, 3)}, "holds another network"),
        ([1, 2], "holds no state dict"),
        ({"a": 1}, "holds no state dict"),
    ],
)
def test_another_file_of_tensors_is_refused(tmp_path: Path, contents: object, message: str) -> None:
    torch.save(contents, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=message) as raised:
        load_vggish_weights(tmp_path / "other.pth")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("contents", [b"", b"not a checkpoint", b"PK\x03\x04 not a zip either", b"\x80\x02}q\x00."])
def test_a_file_of_something_else_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "other.pth").write_bytes(contents)
    with pytest.raises(CheckpointError, match="expected the data set's VGG-ish weights") as raised:
        load_vggish_weights(tmp_path / "other.pth")
    assert "\n" not in str(raised.value)


def test_a_missing_file_and_a_truncated_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no weights at"):
        load_vggish_weights(tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_vggish_weights(tmp_path)
    torch.save(published_state(), tmp_path / "whole.pth")
    half = (tmp_path / "whole.pth").read_bytes()[:50_000]
    (tmp_path / "half.pth").write_bytes(half)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_vggish_weights(tmp_path / "half.pth")
