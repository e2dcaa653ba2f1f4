"""Won's network against an independent build from its description, and its sizes by hand."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.errors import ConfigError
from songmood.models.short_res import ShortRes

WIDTHS = (1, 128, 128, 256, 256, 256, 256, 512)


def described(state: dict[str, Tensor], mel: Tensor) -> Tensor:
    """What the paper and its figure say, from the weights alone."""

    def norm(maps: Tensor, name: str) -> Tensor:
        statistics = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(maps, *statistics, training=False)

    def conv(maps: Tensor, name: str, stride: int) -> Tensor:
        return functional.conv2d(maps, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding=1)

    maps = norm(mel, "norm")
    for block in range(7):
        name = f"blocks.{block}"
        first = functional.relu(norm(conv(maps, f"{name}.main.0", 2), f"{name}.main.1"))
        second = norm(conv(first, f"{name}.main.3", 1), f"{name}.main.4")
        maps = functional.relu(second + norm(conv(maps, f"{name}.beside.0", 2), f"{name}.beside.1"))
    vector = functional.adaptive_max_pool2d(maps, 1).flatten(1)
    hidden = norm(functional.linear(vector, state["hidden.weight"], state["hidden.bias"]), "hidden_norm")
    return functional.linear(functional.relu(hidden), state["out.weight"], state["out.bias"])


def test_outputs_equal_those_of_the_network_as_it_is_described() -> None:
    torch.manual_seed(0)
    net = ShortRes(56, channels=8).double().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    mel = torch.randn(3, 1, 96, 173, dtype=torch.float64) * 3
    with torch.no_grad():
        expected = described(net.state_dict(), mel)
        assert expected.std(dim=0).mean() > 1e-4
        torch.testing.assert_close(net(mel), expected, rtol=0, atol=1e-10)


def test_it_has_the_parameters_counted_by_hand() -> None:
    count = 2  # the first batch norm
    for before, after in pairwise(WIDTHS):
        count += 2 * (9 * before * after + after) + 9 * after * after + after + 3 * 2 * after
    count += 512 * 512 + 512 + 2 * 512 + 512 * 56 + 56
    assert sum(parameter.numel() for parameter in ShortRes(56).parameters()) == count == 12_107_322


def test_the_journey_of_a_window_is_as_documented() -> None:
    net, seen = ShortRes(56).eval(), []
    for part in net.blocks:
        part.register_forward_hook(lambda _module, _inputs, out: seen.append(tuple(out.shape[1:])))
    net(torch.zeros(1, 1, 96, 173))
    assert seen == [
        *((128, 48, 87), (128, 24, 44), (256, 12, 22), (256, 6, 11), (256, 3, 6), (256, 2, 3), (512, 1, 2)),
    ]


def test_a_step_sees_763_frames() -> None:
    sees, step = 1, 1
    for _ in range(7):
        for stride in (2, 1):
            sees, step = sees + 2 * step, step * stride
    assert (sees, step) == (763, 128)


def test_a_batch_of_a_single_window_trains() -> None:
    net = ShortRes(3, channels=2).train()
    net(torch.randn(1, 1, 96, 129)).sum().backward()
    assert net.hidden_norm.num_batches_tracked == 0


def test_a_window_has_logits_alone_as_in_a_batch_and_a_short_one_is_refused() -> None:
    torch.manual_seed(1)
    net = ShortRes(5, channels=4).double().eval()
    mel = torch.randn(4, 1, 96, 200, dtype=torch.float64)
    torch.testing.assert_close(net(mel)[2:3], net(mel[2:3]), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"a window of 128 frames is too short.*at least 129"):
        net(mel[..., :128])
    with pytest.raises(ConfigError, match=r"model\.channels=0"):
        ShortRes(5, channels=0)
