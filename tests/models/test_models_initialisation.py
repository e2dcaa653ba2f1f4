"""Starting weights as Keras draws them."""

import torch
from torch import nn

from songmood.models.parts.initialisation import initialise_like_keras
from songmood.models.parts.recurrent import PublishedGRU


def test_kernels_are_uniform_within_glorots_range() -> None:
    net = nn.Sequential(nn.Conv2d(4, 8, (3, 5)), nn.Linear(30, 20))
    initialise_like_keras(net)
    for kernel, fans in ((net[0].weight, 3 * 5 * (4 + 8)), (net[1].weight, 30 + 20)):
        limit = (6 / fans) ** 0.5
        assert kernel.abs().max() <= limit
        assert abs(kernel.std().item() / (limit / 3**0.5) - 1) < 0.1  # the deviation of a uniform draw


def test_a_gru_has_one_orthogonal_recurrent_kernel_per_layer_and_one_glorot_range() -> None:
    gru = nn.GRU(10, 6, num_layers=2)
    initialise_like_keras(gru)
    for layer, width in ((gru.weight_hh_l0, 6), (gru.weight_hh_l1, 6)):
        torch.testing.assert_close(layer.T @ layer, torch.eye(width))  # Keras' (6, 18) matrix has orthonormal rows
    limit = (6 / (10 + 18)) ** 0.5
    assert 0.9 * limit < gru.weight_ih_l0.abs().max() <= limit


def test_the_published_gru_starts_as_the_other_does() -> None:
    gru = PublishedGRU(10, 6)
    initialise_like_keras(gru)
    torch.testing.assert_close(gru.weight_hh.T @ gru.weight_hh, torch.eye(6))
    limit = (6 / (10 + 18)) ** 0.5
    assert 0.9 * limit < gru.weight_ih.abs().max() <= limit
    assert gru.bias.count_nonzero() == 0


def test_biases_are_zero() -> None:
    net = nn.ModuleList([nn.Conv2d(1, 2, 3), nn.Linear(3, 4), nn.GRU(3, 4, num_layers=2)])
    initialise_like_keras(net)
    biases = [value for name, value in net.named_parameters() if "bias" in name]
    assert len(biases) == 6
    assert all(bias.count_nonzero() == 0 for bias in biases)
