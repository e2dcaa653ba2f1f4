"""Training throughput per frame for windows of half, one and two times the paper's length: it should stay flat."""

from collections.abc import Callable

from benchmarks.harness import Row, rates
from benchmarks.step_workers import NUM_CORES, StepWorker
from benchmarks.training_step_cpu import MEMORY_KEPT

BATCHES = {683: 32, 1366: 16, 2732: 8}  # the same number of frames in each


def rows() -> list[Row]:
    workers = {frames: StepWorker(MEMORY_KEPT, size, frames) for frames, size in BATCHES.items()}
    try:
        seen = rates({str(frames): _work(worker, frames * BATCHES[frames]) for frames, worker in workers.items()})
    finally:
        for worker in workers.values():
            worker.stop()
    paper = seen.pop("1366")
    title = f"training step, {NUM_CORES} CPU cores: windows of {{}} frames against 1366"
    same = "as many frames in each batch"
    return [Row(title.format(frames), paper, rate, "frames/s", 0.85, same) for frames, rate in seen.items()]


def _work(worker: StepWorker, num_frames: int) -> Callable[[], int]:
    def work() -> int:
        worker()
        return num_frames

    return work


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:75s} {row.obvious:,.0f} {row.ours:,.0f} {row.unit}, {row.ratio:.2f} times")
