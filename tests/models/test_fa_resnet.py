"""CP-JKU's network against an independent computation from its description, and its sizes by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.errors import ConfigError
from songmood.models.fa_resnet import FaResNet, FrequencyAware

RHO = 5  # the paper's formula for the kernels: 3 where its number is below, as long as the receptive field may grow
GROWTH = RHO - 7


def kernels() -> list[tuple[int, int]]:
    """Of all twelve blocks, from the rule in the authors' code, which takes away 3x3 kernels from the end."""
    shrunk = [3, 1, *(1 if limit < -GROWTH else 3 for limit in (6, 5, 4, 3, 2, 1, 0))]
    grown = [3 if limit < GROWTH else 1 for limit in range(15)]
    flat = shrunk + grown
    return [(flat[index], flat[index + 1]) for index in range(0, 24, 2)]


def described(state: dict[str, Tensor], mel: Tensor) -> Tensor:
    def norm(maps: Tensor, name: str) -> Tensor:
        statistics = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(maps, *statistics, training=False)

    def aware(maps: Tensor, name: str) -> Tensor:
        bands, frames = maps.shape[2:]
        height = torch.from_numpy(np.linspace(-1, 1, bands, endpoint=False)).to(maps.dtype)
        channel = height.view(1, 1, bands, 1).repeat(len(maps), 1, 1, frames)
        weight = state[f"{name}.weight"]
        return functional.conv2d(torch.cat((maps, channel), 1), weight, padding=weight.shape[-1] // 3)

    maps = functional.conv2d((mel + 40) / 20, state["stem.0.weight"], stride=2, padding=1)
    maps = functional.relu(norm(maps, "stem.1"))
    names = [name.removesuffix(".first.weight") for name in state if name.endswith(".first.weight")]
    for number, name in enumerate(names):
        beside = maps
        if f"{name}.beside.0.weight" in state:
            beside = norm(functional.conv2d(maps, state[f"{name}.beside.0.weight"]), f"{name}.beside.1")
        hidden = functional.relu(norm(aware(maps, f"{name}.first"), f"{name}.first_norm"))
        maps = functional.relu(norm(aware(hidden, f"{name}.second"), f"{name}.second_norm") + beside)
        if number in (0, 1, 3):
            maps = functional.max_pool2d(maps, 2)
    return norm(functional.conv2d(maps, state["out.0.weight"]), "out.1").mean(dim=(2, 3))


def test_outputs_equal_those_of_the_network_as_it_is_described() -> None:
    torch.manual_seed(0)
    net = FaResNet(5, channels=6).double().eval()
    net.input_standardiser.mean.fill_(-40)
    net.input_standardiser.std.fill_(20)
    for name, value in net.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
        elif value.is_floating_point() and not name.startswith("input_standardiser"):
            value.normal_(0, 0.3)
    mel = torch.randn(2, 1, 96, 150, dtype=torch.float64) * 20 - 40
    with torch.no_grad():
        expected = described(net.state_dict(), mel)
        assert expected.std(dim=0).mean() > 1e-4
        torch.testing.assert_close(net(mel), expected, rtol=0, atol=1e-9)


def test_its_kernels_are_those_of_the_authors_rule() -> None:
    blocks = [block for block in FaResNet(2, channels=2).blocks if hasattr(block, "first")]
    assert [(block.first.kernel_size[0], block.second.kernel_size[0]) for block in blocks] == kernels()


def test_it_has_the_parameters_counted_by_hand() -> None:
    count, before = 25 * 128 + 2 * 128, 128
    for number, (first, second) in enumerate(kernels()):
        after = 128 * 2 ** (number // 4)
        count += first**2 * (before + 1) * after + second**2 * (after + 1) * after + 2 * 2 * after
        count += before * after + 2 * after if before != after else 0
        before = after
    count += 512 * 56 + 2 * 56
    assert sum(parameter.numel() for parameter in FaResNet(56).parameters()) == count == 3_600_368


def test_the_journey_of_a_window_is_as_documented() -> None:
    net, seen = FaResNet(56).eval(), []
    for part in (net.stem, net.blocks[5], net.blocks[6], net.blocks[10], net.blocks[14], net.out):
        part.register_forward_hook(lambda _module, _inputs, out: seen.append(tuple(out.shape[1:])))
    net(torch.zeros(1, 1, 96, 1366))
    assert seen == [(128, 47, 682), (128, 11, 170), (128, 5, 85), (256, 5, 85), (512, 5, 85), (56, 5, 85)]


def test_what_is_averaged_sees_87_frames() -> None:
    sees, step = 5, 2
    for number, pair in enumerate(kernels()):
        for kernel in pair:
            sees += (kernel - 1) * step
        if number in (0, 1, 3):
            sees, step = sees + step, step * 2
    assert sees == FaResNet(1, channels=1).min_frames == 87


def test_a_convolution_sees_how_high_a_band_is() -> None:
    layer = FrequencyAware(1, 1, 1)
    nn.init.ones_(layer.weight)
    out = layer(torch.zeros(1, 1, 4, 2))
    assert out[0, 0, :, 0].tolist() == [-1.0, -0.5, 0.0, 0.5]


def test_each_block_begins_as_the_way_beside_it() -> None:
    net = FaResNet(3, channels=4).eval()
    maps = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(net.blocks[0](maps), maps)
    assert net.blocks[0].first.weight.std().item() == pytest.approx((2 / (9 * 4) / 12) ** 0.5, rel=0.2)


def test_a_window_has_logits_alone_as_in_a_batch_and_a_short_one_is_refused() -> None:
    torch.manual_seed(1)
    net = FaResNet(5, channels=4).double().eval()
    mel = torch.randn(4, 1, 96, 120, dtype=torch.float64)
    torch.testing.assert_close(net(mel)[2:3], net(mel[2:3]), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"a window of 86 frames is too short.*at least 87"):
        net(mel[..., :86])
    with pytest.raises(ConfigError, match=r"model\.channels=0"):
        FaResNet(5, channels=0)
