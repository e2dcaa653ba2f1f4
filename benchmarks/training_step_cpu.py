"""A training step on two CPU cores: what most people would write, and each of our means added to the one before.

One process at a time: where others hold memory, the system runs out of large pages, and steps that take their memory
anew pay for it twice. The obvious way is one of them.
"""

import statistics
import time
from dataclasses import replace

from benchmarks.harness import Row
from benchmarks.step_workers import NUM_CORES, StepWorker
from benchmarks.training_step import OBVIOUS, Way, check_same

BATCH_SIZE = 16
ROUNDS = 3
STEPS = 3  # timed in each round, after one that warms up

CHANNELS_LAST = replace(OBVIOUS, is_channels_last=True, is_fused=True)
BFLOAT16 = replace(CHANNELS_LAST, is_bfloat16=True)
POOL_FIRST = replace(BFLOAT16, is_pool_first=True)
MEMORY_KEPT = replace(POOL_FIRST, is_memory_kept=True)
WAYS = {
    "obvious": OBVIOUS,
    "obvious, but with freed memory kept": replace(OBVIOUS, is_memory_kept=True),
    "channels last": CHANNELS_LAST,
    "and bfloat16": BFLOAT16,
    "and pool first": POOL_FIRST,
    "and freed memory kept": MEMORY_KEPT,
    "the last, in float32": replace(MEMORY_KEPT, is_bfloat16=False),
}
TARGETS = {"and freed memory kept": 4.0}


def rows() -> list[Row]:
    same = check_same(POOL_FIRST)
    timed: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            timed[name].append(rate(way))
    seen = {name: statistics.median(values) for name, values in timed.items()}
    obvious = seen.pop("obvious")
    title = f"training step, {NUM_CORES} CPU cores: "
    return [Row(title + name, obvious, rate, "samples/s", TARGETS.get(name, 1.0), same) for name, rate in seen.items()]


def rate(way: Way, batch_size: int = BATCH_SIZE, frames: int = 1366) -> float:
    """Windows per second of training in a process of its own."""
    worker = StepWorker(way, batch_size, frames)
    worker()
    start = time.perf_counter()
    for _ in range(STEPS):
        worker()
    seconds = time.perf_counter() - start
    worker.stop()
    return STEPS * batch_size / seconds


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:60s} {row.obvious:8.2f} {row.ours:8.2f} {row.unit}, {row.ratio:.2f} times; {row.same}")
