"""lileonardo's network against an independent build from its description, and its sizes by hand."""

import pytest
import torch
from torch import nn

from songmood.errors import ConfigError
from songmood.models.convs import Convs

UNITS = (  # channels before and after, kernel in bands and frames, stride
    *((1, 64, 3, 3, 2), (64, 64, 3, 3, 1), (64, 128, 3, 3, 1)),
    *((128, 256, 3, 3, 2), (256, 256, 3, 3, 2), (256, 256, 3, 3, 1), (256, 256, 3, 3, 2)),
    (256, 512, 3, 1, 1),
)


class Described(nn.Module):
    """What its authors' words say, in PyTorch's plainest parts; no dropout, which scoring has none of."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, (bands, frames), stride, padding=1 if frames == 3 else 0)
            for before, after, bands, frames, stride in UNITS
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for _, after, *_ in UNITS)
        self.dense = nn.ModuleList([nn.Linear(512, 1024), nn.Linear(1024, 56)])

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        maps = (mel + 24.42) / 19.35
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            if number == 3:
                maps = nn.functional.max_pool2d(maps, 3, 2, 1)
            maps = nn.functional.relu(norm(conv(maps)))
        assert maps.shape[2:] == (1, 4)
        vector = maps.mean(dim=(2, 3))
        return self.dense[1](nn.functional.relu(self.dense[0](vector)))


def test_outputs_equal_those_of_the_network_as_it_is_described() -> None:
    torch.manual_seed(0)
    described, ours = Described().eval(), Convs(56).eval()
    for conv, norm in zip(described.convs, described.norms, strict=True):
        nn.init.kaiming_normal_(conv.weight)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    kinds = {kind: iter(getattr(described, kind).state_dict().values()) for kind in ("convs", "norms", "dense")}
    state = {}
    for name in ours.state_dict():
        room, *place = name.split(".")
        if room != "input_standardiser":  # a unit's convolution is its second part, its batch norm the third
            kind = "dense" if room != "units" else {"1": "convs", "2": "norms"}[place[1]]
            state[name] = next(kinds[kind])
    state |= {"input_standardiser.mean": torch.tensor(-24.42), "input_standardiser.std": torch.tensor(19.35)}
    ours.load_state_dict(state)
    mel = torch.randn(3, 1, 96, 128) * torch.tensor([5.0, 20.0, 60.0])[:, None, None, None] - 24
    with torch.no_grad():
        expected = described(mel)
        assert expected.std(dim=0).mean() > 1e-3
        torch.testing.assert_close(ours(mel), expected, rtol=0, atol=1e-5)


def test_it_has_the_parameters_counted_by_hand() -> None:
    convolutions = sum(before * after * bands * frames + after for before, after, bands, frames, _ in UNITS)
    norms = sum(2 * after for _, after, *_ in UNITS)
    dense = 512 * 1024 + 1024 + 1024 * 56 + 56
    assert sum(parameter.numel() for parameter in Convs(56).parameters()) == convolutions + norms + dense
    assert convolutions + norms + dense == 3_156_856


def test_the_journey_of_a_crop_is_as_documented() -> None:
    net, seen = Convs(56).eval(), []
    for part in net.units:
        part.register_forward_hook(lambda _module, _inputs, out: seen.append(tuple(out.shape[1:])))
    net(torch.zeros(1, 1, 96, 128))
    assert seen == [
        *((64, 48, 64), (64, 48, 64), (128, 48, 64), (128, 24, 32), (256, 12, 16), (256, 6, 8)),
        *((256, 6, 8), (256, 3, 4), (512, 1, 4)),
    ]


def test_weights_begin_as_its_authors_have_them() -> None:
    torch.manual_seed(0)
    net = Convs(56)
    assert net.hidden.weight.std().item() == pytest.approx((2 / 1024) ** 0.5, rel=0.02)  # He's, by the outputs
    assert net.out.weight.std().item() == pytest.approx((2 / (1024 + 56)) ** 0.5, rel=0.02)  # Glorot's
    assert net.units[1][1].weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_a_step_sees_103_frames() -> None:
    sees, step = 1, 1
    for _, _, _, frames, stride in (*UNITS[:3], (0, 0, 3, 3, 2), *UNITS[3:]):
        sees, step = sees + (frames - 1) * step, step * stride
    assert (sees, step) == (103, 32)


def test_a_window_has_logits_alone_as_in_a_batch_and_a_short_one_is_refused() -> None:
    torch.manual_seed(1)
    net = Convs(5).double().eval()
    mel = torch.randn(4, 1, 96, 200, dtype=torch.float64)
    torch.testing.assert_close(net(mel)[2:3], net(mel[2:3]), rtol=0, atol=1e-12)
    assert net(mel[..., :32]).shape == (4, 5)
    with pytest.raises(ValueError, match=r"a window of 31 frames is too short.*at least 32"):
        net(mel[..., :31])
    with pytest.raises(ConfigError, match=r"model\.dropout=1\.5"):
        Convs(5, dropout=1.5)
