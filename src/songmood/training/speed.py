"""What makes a step fast, decided for the device at hand; every part can be turned off, `speed=plain` turns off all."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch._dynamo
from torch import nn

from songmood.errors import ConfigError
from songmood.models.host_memory import keep_freed_memory
from songmood.models.parts.blocks import use_textbook_blocks
from songmood.training.optimisation.optimiser import OptimiserFactory, with_fused_update

PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")


@dataclass(frozen=True)
class Speed:
    """How a step is computed.

    Attributes:
        precision: ``32-true``, ``bf16-mixed``, ``16-mixed`` for accelerators that multiply no bf16, or ``auto``:
            bf16-mixed where the hardware multiplies bf16.
        channels_last: keep images in the order (B, H, W, C) that convolutions prefer.
        pool_first: pool before normalising; see `songmood.models.parts.blocks`.
        fused_optimizer: update all parameters in one kernel.
        compile: True, False or ``auto``: on CUDA.
        cudnn_benchmark: let cuDNN time its kernels and keep the fastest.
        keep_memory: on a CPU, keep freed memory for the next step; see `songmood.models.host_memory`.
    """

    precision: str = "auto"
    channels_last: bool = True
    pool_first: bool = True
    fused_optimizer: bool = True
    compile: bool | str = "auto"
    cudnn_benchmark: bool = True
    keep_memory: bool = True

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"speed.precision={self.precision}: expected one of {', '.join(PRECISIONS)}")
        if self.compile not in (True, False, "auto"):
            raise ConfigError(f"speed.compile={self.compile}: expected auto, true or false")

    def on(self, device: str) -> "Speed":
        """With every ``auto`` decided for ``cpu``, ``cuda`` or ``mps``, and nothing on that is not for it."""
        precision = self.precision
        if precision == "auto":
            precision = "bf16-mixed" if multiplies_bf16(device) else "32-true"
        if precision == "16-mixed" and device == "cpu":
            raise ConfigError("speed.precision=16-mixed: a CPU has none; take 32-true, or bf16-mixed where it is fast")
        is_compiled = device == "cuda" if self.compile == "auto" else self.compile
        return replace(self, precision=precision, compile=is_compiled, keep_memory=self.keep_memory and device == "cpu")

    def prepare_process(self) -> None:
        """Arrange what is settled once for a whole process."""
        if self.keep_memory:
            keep_freed_memory()

    def prepare(self, net: nn.Module) -> None:
        """Arrange the net's blocks and memory and, where wanted, compile it; state-dict keys stay as they are."""
        if not self.pool_first:
            use_textbook_blocks(net)
        if self.channels_last:
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.compile:
            torch._dynamo.reset()  # a sweep's jobs share a process, and what one compiles counts towards all's limit
            net.compile(dynamic=False)  # else an epoch's last, smaller batch leaves slower kernels to all later ones

    def optimiser(self, factory: OptimiserFactory, *, clips_gradients: bool) -> OptimiserFactory:
        """`factory`, its update fused where that is wanted and can be.

        Args:
            factory: from parameters to an optimiser.
            clips_gradients: whether the Trainer does. In mixed precision a fused update takes back the gradients' scale
                itself, after the last moment at which they could be clipped.
        """
        is_in_the_way = clips_gradients and self.precision.endswith("-mixed")
        return with_fused_update(factory) if self.fused_optimizer and not is_in_the_way else factory


def device_of(accelerator: str) -> str:
    """The device type that Lightning's `accelerator` setting means here: ``cpu``, ``cuda`` or ``mps``."""
    if accelerator in ("auto", "gpu"):
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    return accelerator


def multiplies_bf16(device: str) -> bool:
    """Whether bf16 is faster than float32 there, not merely emulated."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpuinfo = Path("/proc/cpuinfo")
    return device == "cpu" and cpuinfo.is_file() and "avx512_bf16" in cpuinfo.read_text(encoding="utf-8")
