"""What is no network is refused in one line that says what it lacks."""

import pytest
from torch import nn

from songmood.errors import ConfigError
from songmood.models.crnn import build_crnn
from songmood.models.net import require_net


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
