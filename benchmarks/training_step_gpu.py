"""A training step on one GPU, and the memory that it takes: textbook modules in float32 against ours."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.harness import Row, rates, without_gpu
from benchmarks.training_step import OBVIOUS, Way, check_same, make_step

BATCH_SIZE = 64
STEPS = 10  # in one timing

COMPILED = replace(OBVIOUS, is_channels_last=True, is_bfloat16=True, is_fused=True, is_compiled=True)
OURS = replace(COMPILED, is_pool_first=True)
WAYS = {
    "bfloat16, channels last, eager": replace(COMPILED, is_compiled=False),
    "the same, compiled": COMPILED,
    "the same, pool first": OURS,
}
TARGETS = {"the same, pool first": 5.0, "memory": 2.0}


def rows() -> list[Row]:
    title = f"training step, one GPU, batch {BATCH_SIZE}: "
    if not torch.cuda.is_available():
        return [without_gpu(title + name, TARGETS.get(name, 1.0)) for name in (*WAYS, "memory")]
    torch.backends.cudnn.benchmark = True
    same = check_same(OURS, "cuda")
    seen = rates({name: _work(way) for name, way in {"obvious": OBVIOUS, **WAYS}.items()})
    obvious = seen.pop("obvious")
    table = [Row(title + name, obvious, rate, "samples/s", TARGETS.get(name, 1.0), same) for name, rate in seen.items()]
    return [
        *table,
        Row(title + "memory", 1 / _gibibytes(OBVIOUS), 1 / _gibibytes(OURS), "steps/GiB", TARGETS["memory"], same),
    ]


def _work(way: Way) -> Callable[[], int]:
    step = make_step(way, BATCH_SIZE, device="cuda")

    def work() -> int:
        for _ in range(STEPS):
            step()
        torch.cuda.synchronize()
        return STEPS * BATCH_SIZE

    return work


def _gibibytes(way: Way) -> float:
    """The most device memory that a step of its own takes."""
    step = make_step(way, BATCH_SIZE, device="cuda")
    step()  # compiles and times kernels, which takes memory that a step does not
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _finish(step())
    return (torch.cuda.max_memory_allocated() - before) / 2**30


def _finish(loss: Tensor) -> None:
    torch.cuda.synchronize(loss.device)


if __name__ == "__main__":
    for row in rows():
        print(row)
