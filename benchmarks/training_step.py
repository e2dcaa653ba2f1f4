"""One training step of the paper's CRNN, in the ways that the benchmarks compare."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from songmood.models.crnn import build_crnn
from songmood.models.parts.blocks import use_textbook_blocks

NUM_TAGS = 56


@dataclass(frozen=True)
class Way:
    """How a step is computed; the default is what most people would write.

    Attributes:
        is_channels_last: maps with their channels innermost.
        is_bfloat16: autocast to bfloat16.
        is_pool_first: our blocks rather than textbook modules.
        is_memory_kept: freed memory stays with the process (CPU): the first such step decides for its process.
        is_compiled: `net.compile`.
        is_fused: the optimiser is one kernel.
    """

    is_channels_last: bool = False
    is_bfloat16: bool = False
    is_pool_first: bool = False
    is_memory_kept: bool = False
    is_compiled: bool = False
    is_fused: bool = False


OBVIOUS = Way()


def build(way: Way, dropout: float | None = None) -> nn.Module:
    """The paper's network with the same starting weights every time, and its own dropout unless told another."""
    torch.manual_seed(0)
    net = build_crnn(NUM_TAGS) if dropout is None else build_crnn(NUM_TAGS, block_dropout=dropout, head_dropout=dropout)
    if not way.is_pool_first:
        use_textbook_blocks(net)
    return net


def make_step(
    way: Way, batch_size: int, frames: int = 1366, *, device: str = "cpu", net: nn.Module | None = None
) -> Callable[[], Tensor]:
    """A function that trains one batch with Adam and returns its loss, still on the device."""
    net = (net or build(way)).to(device)
    if way.is_channels_last:
        net.to(memory_format=torch.channels_last)
    if way.is_compiled:
        net.compile(dynamic=False)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=way.is_fused or None)
    dtype = next(net.parameters()).dtype
    generator = torch.Generator().manual_seed(1)
    mel = (torch.randn(batch_size, 1, 96, frames, generator=generator) * 20 - 40).to(device, dtype)  # dB
    target = (torch.rand(batch_size, NUM_TAGS, generator=generator) < 0.05).to(device, dtype)

    def step() -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=way.is_bfloat16):
            logits = net(mel)
        loss = functional.binary_cross_entropy_with_logits(logits.to(dtype), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def make_forward(way: Way, net: nn.Module, batch_size: int, frames: int, device: str) -> Callable[[], Tensor]:
    """A function that scores one batch as validation does and returns the mean logit, still on the device."""
    mel = (torch.randn(batch_size, 1, 96, frames) * 20 - 40).to(device)

    def forward() -> Tensor:
        net.eval()
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=way.is_bfloat16):
            mean = net(mel).float().mean()
        net.train()
        return mean

    return forward


def check_same(ours: Way, device: str = "cpu") -> str:
    """See that `ours` and the obvious way compute the same gradients, dropout off; says how far they are apart.

    In float64 they must be equal but for rounding. As timed they cannot be: the largest values of two neighbours change
    places when they are rounded, and bfloat16 rounds to three digits whatever the order of the block.
    """
    reference = _gradients(OBVIOUS, device, torch.float64)
    exact = _gradients(Way(is_pool_first=ours.is_pool_first), device, torch.float64)
    timed = _gradients(ours, device, torch.float32)
    in_float64, as_timed = (((other - reference).norm() / reference.norm()).item() for other in (exact, timed))
    if in_float64 > 1e-10 or as_timed > 0.3:
        raise AssertionError(f"the two sides compute different gradients: {in_float64:.1e} and {as_timed:.1e} apart")
    return f"gradients of a batch: {in_float64:.0e} apart in float64, {as_timed:.0e} as timed"


def _gradients(way: Way, device: str, dtype: torch.dtype) -> Tensor:
    net = build(way, dropout=0.0).to(dtype)
    make_step(way, 4, device=device, net=net)()
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    return torch.cat([gradient.flatten().to("cpu", torch.float64) for gradient in gradients])
