"""Where a training step's time goes: the ten longest kernels of the obvious way and of ours.

    python -m benchmarks.kernels

On a GPU these are its kernels; without one, PyTorch's CPU operators.
"""

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.training_step import OBVIOUS, Way, make_step
from benchmarks.training_step_cpu import BATCH_SIZE as CPU_BATCH
from benchmarks.training_step_cpu import POOL_FIRST
from benchmarks.training_step_gpu import BATCH_SIZE as GPU_BATCH
from benchmarks.training_step_gpu import OURS

STEPS = 3
LONGEST = 10


def longest(way: Way, device: str, batch_size: int) -> list[tuple[str, float, int]]:
    """Name, milliseconds a step and calls a step of the longest kernels, longest first, and their sum's row last."""
    step = make_step(way, batch_size, device=device)
    step()  # compiles, times kernels, takes memory
    activity = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity]) as seen:
        for _ in range(STEPS):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
    rows = [
        (event.key, (event.self_device_time_total if device == "cuda" else event.self_cpu_time_total), event.count)
        for event in seen.key_averages()
    ]
    rows.sort(key=lambda row: -row[1])
    total = ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))
    return [(name, time / STEPS / 1_000, count // STEPS) for name, time, count in [*rows[:LONGEST], total]]


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    batch_size, ours = (GPU_BATCH, OURS) if device == "cuda" else (CPU_BATCH, POOL_FIRST)
    for title, way in (("the obvious way", OBVIOUS), ("ours", ours)):
        print(f"{title}, {device}, batch {batch_size}: ms a step, calls a step, kernel")
        for name, time, count in longest(way, device, batch_size):
            print(f"{time:10.2f} {count:6d}  {name[:90]}")


if __name__ == "__main__":
    main()
