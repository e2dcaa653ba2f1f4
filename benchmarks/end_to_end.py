"""Training end to end (windows, step, metrics, validation, logging, checkpoint) against the bare step alone.

Validation is work of its own, a forward pass for each of its windows: with the data set's proportions, 0.38 windows for
each that is trained on. The second row counts it, at the rate of a bare forward pass, on the bare side too.
"""

import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.fit_rates import fit_rate
from benchmarks.harness import Row, without_gpu
from benchmarks.step_workers import NUM_CORES, StepWorker
from benchmarks.training_step_cpu import MEMORY_KEPT
from benchmarks.training_step_gpu import OURS

ROUNDS = 3
STEPS = 5  # of the bare step, each round
SUBMISSIONS = "all five submissions, one GPU, full size: the rate of a fit, against that which makes 15 minutes"
NEEDED = 16 * (9_949 + 4 * 5 * 9_949) / (15 * 60)  # windows/s: 16 epochs of one Base and four RandomSampling sets


def rows() -> list[Row]:
    """On the GPU with a corpus of full size; on two CPU cores with a hundredth of it."""
    cuda = torch.cuda.is_available()
    unmeasured = [without_gpu("training end to end, one GPU, full size", 0.9), without_gpu(SUBMISSIONS, 1.0)]
    return [*_measure(False), *(_measure(True) if cuda else unmeasured)]


def _measure(on_gpu: bool) -> list[Row]:
    batch_size = 64 if on_gpu else 16
    scale = 1.0 if on_gpu else 0.008
    sizes = {split: round(scale * size) for split, size in (("train", 9_949), ("validation", 3_802), ("test", 64))}
    sizes["test"] = max(sizes["test"], 8)
    overrides = [f"data.batch_size={batch_size}", f"trainer={'gpu' if on_gpu else 'cpu'}"]
    where = "one GPU" if on_gpu else f"{NUM_CORES} CPU cores"
    bare, forward, whole = [], [], []
    for _ in range(1 if on_gpu else ROUNDS):
        trains = StepWorker(OURS if on_gpu else MEMORY_KEPT, batch_size, device="cuda" if on_gpu else "cpu")
        bare.append(_rate(trains, batch_size))
        forward.append(_rate(trains.forward, batch_size))
        trains.stop()
        whole.append(fit_rate(sizes, overrides))
    step, look, ours = (statistics.median(rates) for rates in (bare, forward, whole))
    with_validation = 1 / (1 / step + sizes["validation"] / sizes["train"] / look)
    same = f"{5 * sizes['train']:,} windows an epoch, {5 * sizes['validation']:,} validated"
    table = [
        Row(f"training end to end, {where}, against the bare step", step, ours, "windows/s", 0.9, same),
        Row(f"the same, against bare step and bare validation, {where}", with_validation, ours, "windows/s", 0.9, same),
    ]
    return [*table, Row(SUBMISSIONS, NEEDED, ours, "windows/s", 1.0, "scaled")] if on_gpu else table


def _rate(work: Callable[[], object], batch_size: int) -> float:
    work()
    start = time.perf_counter()
    for _ in range(STEPS):
        work()
    return STEPS * batch_size / (time.perf_counter() - start)


if __name__ == "__main__":
    for row in rows():
        print(row)
