"""Pool first against the textbook order, in float64: the same function, the same gradients, the same state."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from songmood.models.parts.blocks import ConvBlock, conv_blocks, use_textbook_blocks
from songmood.models.parts.pool_first import normalise_pooled

EXACT = {"rtol": 0.0, "atol": 1e-10}


def pair(pool: tuple[int, int], gains: Tensor, *, is_training: bool) -> tuple[ConvBlock, ConvBlock]:
    """Both orders with one state dict: random kernels, biases and running statistics, and these gains."""
    first = ConvBlock(2, len(gains), pool, 0.0, 1e-3, 0.01).double()
    with torch.no_grad():
        first.norm.weight.copy_(gains)
        first.norm.bias.normal_()
        first.norm.running_mean.normal_()
        first.norm.running_var.uniform_(0.1, 2.0)
    textbook = copy.deepcopy(first)
    use_textbook_blocks(textbook)
    return first.train(is_training), textbook.train(is_training)


def run(block: nn.Module, maps: Tensor, upstream: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
    """The output, and the gradients of its product with `upstream` on the input and all parameters."""
    maps = maps.clone().requires_grad_()
    out = block(maps)
    out.backward(torch.ones_like(out) if upstream is None else upstream)
    assert maps.grad is not None
    gradients = {name: parameter.grad for name, parameter in block.named_parameters()}
    return out.detach(), {"input": maps.grad} | gradients  # type: ignore[dict-item]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    pool=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    size=st.tuples(st.integers(4, 13), st.integers(4, 17)),
    is_training=st.booleans(),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_pool_first_is_the_textbook_block(
    seed: int, pool: tuple[int, int], size: tuple[int, int], is_training: bool, memory_format: torch.memory_format
) -> None:
    torch.manual_seed(seed)
    gains = torch.tensor([1.5, -0.7, 1e-3, -2.0, 0.3])
    first, textbook = pair(pool, gains, is_training=is_training)
    maps = torch.randn(3, 2, *size, dtype=torch.float64).to(memory_format=memory_format)
    upstream = torch.randn(3, 5, size[0] // pool[0], size[1] // pool[1], dtype=torch.float64)

    out, gradients = run(first.to(memory_format=memory_format), maps, upstream)
    expected, expected_gradients = run(textbook, maps, upstream)

    torch.testing.assert_close(out, expected, **EXACT)
    for name, gradient in expected_gradients.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(gradients[name], gradient, **EXACT, msg=name)
    for name, value in textbook.state_dict().items():
        torch.testing.assert_close(first.state_dict()[name], value, **EXACT, msg=name)


@pytest.mark.parametrize("is_training", [True, False])
def test_a_gain_of_zero_gives_the_same_outputs(is_training: bool) -> None:
    torch.manual_seed(1)  # the gain's gradient may differ: all positions tie, and any of them is right
    first, textbook = pair((2, 3), torch.tensor([0.0, 1.0, -0.0]), is_training=is_training)
    maps = torch.randn(2, 2, 6, 9, dtype=torch.float64)
    torch.testing.assert_close(first(maps), textbook(maps), **EXACT)


def test_the_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(2)
    block = ConvBlock(1, 2, (2, 2), epsilon=1e-3).double()
    with torch.no_grad():
        block.norm.weight.copy_(torch.tensor([1.3, -0.8]))
    maps = torch.randn(2, 1, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (maps,))


def test_training_steps_of_both_orders_stay_together() -> None:
    torch.manual_seed(3)
    sizes = {"filters": (3, 4), "pools": ((2, 2), (3, 2)), "epsilon": 1e-3, "momentum": 0.01}
    first = conv_blocks(**sizes).double()  # type: ignore[arg-type]
    textbook = copy.deepcopy(first)
    use_textbook_blocks(textbook)
    for net in (first, textbook):
        optimiser = torch.optim.SGD(net.parameters(), lr=0.5)
        generator = torch.Generator().manual_seed(4)
        for _ in range(5):
            maps = torch.randn(4, 1, 12, 8, dtype=torch.float64, generator=generator)
            optimiser.zero_grad()
            net(maps).square().mean().backward()
            optimiser.step()
    for name, value in textbook.state_dict().items():
        torch.testing.assert_close(first.state_dict()[name], value, rtol=0, atol=1e-9, msg=name)


def test_each_order_reads_the_checkpoint_of_the_other(tmp_path) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(5)
    maps = torch.randn(2, 2, 6, 8, dtype=torch.float64)
    for writer, reader in (
        pair((2, 2), torch.randn(4), is_training=False),
        pair((2, 2), torch.randn(4), is_training=False)[::-1],
    ):
        with torch.no_grad():
            writer.conv.weight.normal_()
        torch.save(writer.state_dict(), tmp_path / "block.pt")
        reader.load_state_dict(torch.load(tmp_path / "block.pt", weights_only=True))
        torch.testing.assert_close(reader(maps), writer(maps), **EXACT)


def test_a_bias_of_the_convolution_would_cancel() -> None:
    torch.manual_seed(6)
    _, textbook = pair((2, 2), torch.randn(4), is_training=True)
    biased = copy.deepcopy(textbook)
    biased.conv.bias = nn.Parameter(torch.randn(4, dtype=torch.float64))
    maps = torch.randn(2, 2, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(biased(maps), textbook(maps), **EXACT)


def test_bfloat16_maps_keep_float32_statistics() -> None:
    torch.manual_seed(7)
    block = ConvBlock(1, 8, (2, 2), 0.0, 1e-3, momentum=1.0).to(memory_format=torch.channels_last)
    reference = copy.deepcopy(block)
    use_textbook_blocks(reference)
    maps = torch.randn(4, 1, 32, 64) * 20 - 40  # dB
    with torch.autocast("cpu", torch.bfloat16):
        out = block(maps)
    expected = reference(maps)
    assert out.dtype == torch.bfloat16
    assert block.norm.running_var is not None
    assert block.norm.running_var.dtype == torch.float32
    torch.testing.assert_close(block.norm.running_var, reference.norm.running_var, rtol=0.01, atol=0)
    torch.testing.assert_close(out.float(), expected, rtol=0.1, atol=0.1)


def test_in_bfloat16_the_gradient_of_a_map_still_adds_up_to_nothing() -> None:
    torch.manual_seed(8)  # batch norm ignores a constant on its input, so no gradient may point that way
    full = (torch.randn(4, 16, 64, 192) * 3 - 20).bfloat16().requires_grad_()
    gain, bias = torch.rand(16) + 0.5, torch.zeros(16)
    normalised, _, _ = normalise_pooled(full, (2, 2), gain, bias, 1e-3)
    upstream = torch.randn(normalised.shape)
    upstream -= upstream.mean((0, 2, 3), keepdim=True)
    upstream = (upstream + 0.01).bfloat16()  # nearly balanced, as in training: what batch norm takes away is small
    normalised.backward(upstream)
    assert full.grad is not None
    left = full.grad.double().sum((0, 2, 3)).norm()
    arrived = (upstream.double() * gain[:, None, None] / 3).sum((0, 2, 3)).norm()
    assert left < 0.01 * arrived


def test_textbook_blocks_keep_their_parameters_and_drop_out_as_pytorch_does() -> None:
    net = nn.Module()
    net.blocks = conv_blocks((2, 3), ((2, 2), (2, 2)), dropout=0.3).eval()
    before, parameters = dict(net.state_dict()), set(net.parameters())
    use_textbook_blocks(net)
    assert not any(block.pools_first for block in net.blocks)
    assert [type(block.dropout) for block in net.blocks] == [nn.Dropout, nn.Dropout]
    assert [block.dropout.p for block in net.blocks] == [0.3, 0.3]
    assert set(net.parameters()) == parameters
    assert all(after.data_ptr() == before[name].data_ptr() for name, after in net.state_dict().items())
    assert not any(module.training for block in net.blocks for module in block.modules())


class Recording(nn.BatchNorm2d):
    """Stands for `SyncBatchNorm`, which has no CPU kernels: a batch norm of another type, which must be called."""

    def forward(self, maps: Tensor) -> Tensor:
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(maps)


def test_another_batch_norm_in_the_block_s_place_is_called() -> None:
    torch.manual_seed(9)
    block, textbook = pair((2, 2), torch.randn(3), is_training=True)
    for each in (block, textbook):
        other = Recording(3, eps=1e-3, momentum=0.01).double()
        other.load_state_dict(each.norm.state_dict())
        each.norm = other
    maps = torch.randn(2, 2, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(block(maps), textbook(maps), **EXACT)
    assert block.norm.calls == 1


def test_a_frozen_batch_norm_stays_as_it_is_and_normalises_by_what_it_holds() -> None:
    torch.manual_seed(10)
    block, textbook = pair((2, 2), torch.randn(3), is_training=True)
    block.norm.eval()
    before = {name: value.clone() for name, value in block.norm.state_dict().items()}
    maps = torch.randn(2, 2, 6, 8, dtype=torch.float64)
    torch.testing.assert_close(block(maps), textbook.eval()(maps), **EXACT)
    for name, value in block.norm.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_without_a_momentum_the_statistics_are_the_plain_mean_over_the_batches() -> None:
    torch.manual_seed(11)  # how weight averaging computes them anew
    block, _ = pair((2, 2), torch.randn(3), is_training=True)
    block.norm.reset_running_stats()
    block.norm.momentum = None
    batches = torch.randn(4, 2, 2, 6, 8, dtype=torch.float64)
    for maps in batches:
        block(maps)
    full = torch.stack([block.conv(maps) for maps in batches]).detach()
    assert block.norm.running_mean is not None
    assert block.norm.running_var is not None
    torch.testing.assert_close(block.norm.running_mean, full.mean((0, 1, 3, 4)), **EXACT)
    torch.testing.assert_close(block.norm.running_var, full.transpose(1, 2).flatten(2).var(2).mean(0), **EXACT)
