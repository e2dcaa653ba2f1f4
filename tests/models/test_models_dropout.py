"""Dropout by packed random bits: the same distribution as PyTorch's own."""

import pytest
import torch
from torch import nn

from songmood.models.parts.dropout import Dropout


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.9])
def test_values_are_zeroed_with_the_probability_and_the_others_scaled_up(probability: float) -> None:
    torch.manual_seed(0)
    out = Dropout(probability)(torch.ones(100, 1001))
    share = (out == 0).double().mean().item()
    deviation = (probability * (1 - probability) / out.numel()) ** 0.5
    assert abs(share - probability) < 5 * deviation
    assert torch.allclose(out[out != 0], torch.tensor(1 / (1 - probability)), rtol=1e-3)


def test_each_of_the_four_values_of_a_random_number_is_zeroed_alike() -> None:
    torch.manual_seed(1)
    lanes = (Dropout(0.1)(torch.ones(100_000, 4)) == 0).double()
    shares = lanes.mean(dim=0)
    assert ((shares - 0.1).abs() < 5 * (0.09 / 100_000) ** 0.5).all()
    correlations = torch.corrcoef(lanes.T) - torch.eye(4)
    assert correlations.abs().max() < 5 / 100_000**0.5


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_shape_type_and_memory_format_stay(memory_format: torch.memory_format) -> None:
    maps = torch.randn(2, 3, 5, 7, dtype=torch.bfloat16).to(memory_format=memory_format)
    out = Dropout(0.5)(maps)
    assert out.shape == maps.shape
    assert out.stride() == maps.stride()
    assert out.dtype == maps.dtype


def test_a_tensor_with_gaps_is_dropped_value_by_value() -> None:
    values = torch.arange(1.0, 41.0).reshape(4, 10)[:, ::3]
    out = Dropout(0.5)(values)
    assert ((out == 0) | (out == 2 * values)).all()


def test_the_gradient_flows_where_a_value_was_kept() -> None:
    values = torch.randn(50, 50, requires_grad=True)
    out = Dropout(0.25)(values)
    out.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad == 0, out == 0)
    torch.testing.assert_close(values.grad * values, out)


def test_evaluation_and_a_probability_of_zero_change_nothing() -> None:
    values = torch.randn(4, 4)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


def test_elsewhere_and_when_compiled_it_is_pytorchs_own() -> None:
    values = torch.ones(1000)
    assert Dropout(0.5)(values.to("meta")).is_meta
    compiled = torch.compile(Dropout(0.5), backend="eager", fullgraph=True)
    torch.manual_seed(3)
    out = compiled(values)
    torch.manual_seed(3)
    assert torch.equal(out, nn.Dropout(0.5)(values))


def test_the_seed_decides() -> None:
    values, layer = torch.ones(1000), Dropout(0.5)
    torch.manual_seed(3)
    once, again = layer(values), layer(values)
    torch.manual_seed(3)
    assert torch.equal(layer(values), once)
    assert not torch.equal(again, once)
