"""A training step on two CPU cores: what most people would write, and each of our means added to the one before."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.harness import Row, rates
from benchmarks.step_workers import NUM_CORES, StepWorker
from benchmarks.training_step import OBVIOUS, check_same

BATCH_SIZE = 16
ROUNDS = 5

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
    workers = {name: StepWorker(way, BATCH_SIZE) for name, way in WAYS.items()}
    try:
        seen = rates({name: _work(worker) for name, worker in workers.items()}, ROUNDS)
    finally:
        for worker in workers.values():
            worker.stop()
    obvious = seen.pop("obvious")
    title = f"training step, {NUM_CORES} CPU cores: "
    return [Row(title + name, obvious, rate, "samples/s", TARGETS.get(name, 1.0), same) for name, rate in seen.items()]


def _work(worker: StepWorker) -> Callable[[], int]:
    def work() -> int:
        worker()
        return BATCH_SIZE

    return work


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:60s} {row.obvious:8.2f} {row.ours:8.2f} {row.unit}, {row.ratio:.2f} times; {row.same}")
