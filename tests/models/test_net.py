"""What is no network is refused in one line that says what it lacks."""

import pytest
from torch import nn

from songmood.config import build
from songmood.errors import ConfigError
from songmood.models.convs import Convs
from songmood.models.crnn import build_crnn
from songmood.models.fa_resnet import FaResNet
from songmood.models.net import require_net
from songmood.models.probe import Probe
from songmood.models.short_res import ShortRes
from songmood.models.vggish import VGGish


class Bare(nn.Module):
    pass


class WithFeatures(nn.Module):
    min_frames, uses_features = 1, True


@pytest.mark.parametrize(
    ("net", "lacks"),
    [
        (lambda mel: mel, r"being a torch.nn.Module \(it is a function\)"),
        (Bare(), r"min_frames .*, uses_features"),
        (WithFeatures(), r"standardiser.fit"),
    ],
)
def test_what_is_no_network_is_refused_by_what_it_lacks(net: object, lacks: str) -> None:
    with pytest.raises(ConfigError, match=rf"model\._target_=mine\.Net: this net lacks {lacks}"):
        require_net(net, "mine.Net")


@pytest.mark.parametrize("fusion", [False, True])
def test_songmoods_own_networks_offer_it_all(fusion: bool) -> None:
    require_net(build_crnn(3, 2, fusion=fusion), "songmood.models.crnn.build_crnn")


@pytest.mark.parametrize(
    ("earlier", "kind", "settings"),
    [
        ("convs.build_convs", Convs, {"channels": 1}),
        ("fa_resnet.build_fa_resnet", FaResNet, {"channels": 1}),
        ("probe.build_probe", Probe, {}),
        ("short_res.build_short_res", ShortRes, {"channels": 1}),
        ("vggish.build_vggish", VGGish, {}),
    ],
)
def test_a_stored_configuration_that_names_an_earlier_builder_makes_the_same_network(
    earlier: str, kind: type[nn.Module], settings: dict[str, int]
) -> None:
    assert type(build({"_target_": f"songmood.models.{earlier}", **settings}, num_tags=2, num_features=3)) is kind
