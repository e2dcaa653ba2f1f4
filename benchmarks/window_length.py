"""Training throughput per frame for windows from a crop's length to two times the paper's: it should stay flat.

The network makes whole time steps of 96 frames, and pads: 128 frames become 192, and a crop of 192 costs the same.
"""

import statistics

from benchmarks.harness import Row
from benchmarks.step_workers import NUM_CORES
from benchmarks.training_step_cpu import MEMORY_KEPT, ROUNDS, rate

BATCHES = {128: 171, 192: 114, 683: 32, 1366: 16, 2732: 8}  # the same number of frames in each
TARGETS = {128: 0.9, 192: 0.9}


def rows() -> list[Row]:
    timed: dict[int, list[float]] = {frames: [] for frames in BATCHES}
    for _ in range(ROUNDS):
        for frames, size in BATCHES.items():
            timed[frames].append(frames * rate(MEMORY_KEPT, size, frames))
    seen = {frames: statistics.median(values) for frames, values in timed.items()}
    paper = seen.pop(1366)
    title = f"training step, {NUM_CORES} CPU cores: windows of {{}} frames against 1366"
    same = "as many frames in each batch"
    return [
        Row(title.format(frames), paper, found, "frames/s", TARGETS.get(frames, 0.85), same)
        for frames, found in seen.items()
    ]


if __name__ == "__main__":
    for row in rows():
        print(f"{row.what:75s} {row.obvious:,.0f} {row.ours:,.0f} {row.unit}, {row.ratio:.2f} times")
