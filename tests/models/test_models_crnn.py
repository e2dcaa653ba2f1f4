"""The composed CRNN: shapes, sizes worked by hand, windows of any length, and what a config may say."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor, nn

from songmood.errors import CheckpointError, ConfigError
from songmood.models.crnn import CRNN, build_crnn, pad_to_steps
from songmood.models.parts.recurrent import PublishedGRU

CONFIGS = Path(__file__).parents[2] / "conf" / "model"
TINY = {"filters": [2, 3], "pools": [[8, 2], [4, 3]], "gru_width": 4, "hidden": 5}  # 6 frames to a step

# Convolutions 576 + 73,728 + 2 * 147,456, batch norms 2 * (64 + 3 * 128), GRUs 3 * 32 * (128 + 32 + 2) and
# 3 * 32 * (32 + 32 + 2); the published GRU has one bias a gate less.
TRUNK = 370_112 + 15_552 + 6_336
PUBLISHED = TRUNK - 2 * 96
PARAMETERS = {
    ("crnn", "paper"): TRUNK + (32 * 128 + 128) + (128 * 56 + 56),
    ("crnn_attn", "paper"): TRUNK + 32 + 4_224 + 7_224,
    ("crnn_fusion", "paper"): TRUNK + ((32 + 22) * 128 + 128) + 7_224,
    ("crnn_attn_fusion", "paper"): TRUNK + 32 + 7_040 + 7_224,
    ("crnn", "published"): PUBLISHED + (32 * 56 + 56),
    ("crnn_attn", "published"): PUBLISHED + 32 + 1_848,
    ("crnn_fusion", "published"): PUBLISHED + 1_848 + ((56 + 22) * 128 + 128) + 7_224,
    ("crnn_attn_fusion", "published"): PUBLISHED + 32 + 1_848 + 10_112 + 7_224,
}


def from_config(name: str, overrides: list[str] | None = None, **sizes: Any) -> nn.Module:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        config = compose(name, overrides=overrides)
    net: nn.Module = instantiate(config, **({"num_tags": 56, "num_features": 22} | sizes))
    return net


def tiny(**settings: Any) -> CRNN:
    torch.manual_seed(0)
    return build_crnn(3, 2, **(TINY | settings))


def mel(num_windows: int, frames: int) -> Tensor:
    return torch.randn(num_windows, 1, 96, frames, generator=torch.Generator().manual_seed(1)) * 20 - 40


@pytest.mark.parametrize(("name", "head"), PARAMETERS)
def test_each_config_has_the_parameters_counted_by_hand(name: str, head: str) -> None:
    net = from_config(name, [f"head={head}"])
    assert sum(parameter.numel() for parameter in net.parameters()) == PARAMETERS[name, head]
    assert net.uses_features == ("fusion" in name)
    assert net.min_frames == 96


def test_the_journey_of_a_window_is_as_documented() -> None:
    net, seen = build_crnn(56), []
    for part in (*net.blocks, net.recurrent, net.time_pooling, net.head):
        part.register_forward_hook(lambda _module, _inputs, out: seen.append(tuple(out.shape)))
    net.eval()(mel(1, 1366))
    assert seen == [
        *((1, 64, 48, 720), (1, 128, 16, 240), (1, 128, 4, 60), (1, 128, 1, 15)),
        *((1, 15, 32), (1, 32), (1, 56)),
    ]


def test_a_window_of_1366_frames_is_padded_by_37_zeros_on_each_side() -> None:
    padded = pad_to_steps(torch.ones(1, 1, 96, 1366), 96)
    assert padded.shape[-1] == 1440
    assert padded[..., :37].count_nonzero() == padded[..., -37:].count_nonzero() == 0
    assert padded[..., 37:-37].eq(1).all()


@pytest.mark.parametrize(("frames", "padded"), [(96, 96), (97, 192), (1440, 1440), (683, 768), (2732, 2784)])
def test_windows_are_padded_to_whole_steps(frames: int, padded: int) -> None:
    assert pad_to_steps(torch.zeros(1, 1, 96, frames), 96).shape[-1] == padded


@pytest.mark.parametrize("frames", [6, 7, 50, 601])
def test_any_window_of_one_step_or_more_has_logits(frames: int) -> None:
    assert tiny(attention=True)(mel(2, frames)).shape == (2, 3)


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_a_window_shorter_than_a_step_is_refused_with_the_minimum(frames: int) -> None:
    with pytest.raises(ValueError, match=f"a window of {frames} frames is too short.*at least 6"):
        tiny()(mel(2, frames))


@pytest.mark.parametrize("head", ["paper", "published"])
@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("fusion", [False, True])
def test_a_track_scores_the_same_alone_and_in_a_batch(head: str, attention: bool, fusion: bool) -> None:
    net = tiny(head=head, attention=attention, fusion=fusion).double().eval()
    windows, features = mel(5, 40).double(), torch.randn(5, 2, dtype=torch.float64)
    together = net(windows, features)
    for row in range(5):
        alone = net(windows[row : row + 1], features[row : row + 1])
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-12)


def test_every_parameter_gets_a_gradient_in_every_variant() -> None:
    for head in ("paper", "published"):
        for attention in (False, True):
            for fusion in (False, True):
                net = tiny(head=head, attention=attention, fusion=fusion)
                net(mel(4, 40), torch.randn(4, 2)).square().sum().backward()
                for name, parameter in net.named_parameters():
                    assert parameter.grad is not None, name
                    assert parameter.grad.abs().sum() > 0, name


def test_features_move_the_logits_of_a_fusion_network_only() -> None:
    windows, one, other = mel(2, 12), torch.zeros(2, 2), torch.ones(2, 2)
    plain, fused = tiny().eval(), tiny(fusion=True).eval()
    assert torch.equal(plain(windows, one), plain(windows, None))
    assert not torch.equal(fused(windows, one), fused(windows, other))
    assert torch.equal(fused(windows, torch.full((2, 2), float("nan"))), fused(windows, one))  # absent is the mean


def test_a_fusion_network_without_features_says_so() -> None:
    with pytest.raises(ValueError, match="needs them beside each window"):
        tiny(fusion=True)(mel(1, 12), None)


def test_attention_is_a_weighted_mean_and_the_last_state_is_the_last() -> None:
    states = torch.randn(2, 7, 4)
    pooling = tiny(attention=True).time_pooling
    with torch.no_grad():
        pooling.score.weight.zero_()
        torch.testing.assert_close(pooling(states), states.mean(dim=1))  # equal scores
        pooling.score.weight[0, 2] = 1e4
    best = states[:, :, 2].argmax(dim=1)
    torch.testing.assert_close(pooling(states), states[torch.arange(2), best])
    assert torch.equal(tiny().time_pooling(states), states[:, 6])


def test_logits_stay_float32_under_bfloat16_autocast() -> None:
    net = tiny(fusion=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(mel(2, 48), torch.randn(2, 2))
    assert logits.dtype == torch.float32


def test_a_network_is_rebuilt_from_plain_values_and_a_state_dict() -> None:
    settings = {"attention": True, "fusion": True, "head": "published"}
    net, other = tiny(**settings), tiny(**settings)
    net.standardiser.fit(torch.randn(9, 2) + 5)  # type: ignore[union-attr]
    net(mel(3, 40), torch.randn(3, 2))  # moves the running statistics
    other.load_state_dict(net.state_dict())
    windows, features = mel(3, 40), torch.randn(3, 2)
    assert torch.equal(other.eval()(windows, features), net.eval()(windows, features))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "papper"}, "model.head=papper: expected one of paper, published"),
        ({"attention": "yes"}, "model.attention=yes: expected true or false"),
        ({"gru_width": 0}, "model.gru_width=0: expected a whole number"),
        ({"hidden": 12.5}, "model.hidden=12.5: expected a whole number"),
        ({"block_dropout": 1.0}, "model.block_dropout=1.0: expected a probability"),
        ({"head_dropout": -0.1}, "model.head_dropout=-0.1: expected a probability"),
        ({"head_dropout": "much"}, "model.head_dropout='much': expected a probability"),
        ({"filters": []}, r"model.filters=\[\]: expected the channels"),
        ({"filters": [2, -3]}, r"model.filters=\[2, -3\]: expected the channels"),
        ({"pools": [[2, 2]]}, r"model.pools=\[\[2, 2\]\]: expected as many as model.filters=\[2, 3\], 2"),
        ({"pools": [[2, 2], 3]}, r"model.pools=\[\[2, 2\], 3\]: expected pairs"),
        ({"pools": [[2, 2], [3, 0]]}, "expected pairs"),
        ({"pools": [[50, 2], [2, 2]]}, "they pool over 100 bands, and a spectrogram has 96"),
    ],
)
def test_an_impossible_setting_is_one_line_with_the_value(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        build_crnn(3, 2, **settings) if "filters" in settings else tiny(**settings)
    assert "\n" not in str(raised.value)


def test_fusion_without_features_names_the_way_out() -> None:
    with pytest.raises(ConfigError, match="have no features: take a model without fusion"):
        build_crnn(3, 0, fusion=True)


def test_one_feature_is_enough_for_fusion() -> None:
    net = build_crnn(3, 1, fusion=True, **TINY)
    assert net(mel(2, 12), torch.zeros(2, 1)).shape == (2, 3)


def test_bands_that_pooling_leaves_over_reach_the_gru() -> None:
    net = build_crnn(3, filters=[2], pools=[[5, 4]], gru_width=4)  # floor(96 / 5) = 19 bands
    assert net.recurrent.gru.input_size == 38
    assert net(mel(2, 9)).shape == (2, 3)


def test_weights_of_the_other_gru_are_refused_in_one_line() -> None:
    state = build_crnn(3).state_dict()
    with pytest.raises(
        CheckpointError, match=r"of PyTorch's GRU, which model\.head=published had before .*; train again"
    ):
        build_crnn(3, head="published").load_state_dict(state)


def test_the_gates_of_the_published_gru_saturate() -> None:
    gru = PublishedGRU(1, 1)
    with torch.no_grad():
        gru.bias.copy_(torch.tensor([2.5, 0.0, 3.0]))  # an update gate of one: nothing is ever taken in
    assert gru(torch.randn(2, 5, 1)).count_nonzero() == 0
    with torch.no_grad():
        gru.bias.copy_(torch.tensor([-2.5, 0.0, 3.0]))  # and of zero: nothing is ever kept
    torch.testing.assert_close(gru(torch.zeros(1, 3, 1)), torch.full((1, 3, 1), 3.0).tanh())
