"""Distributed training on two CPU processes against one, on the same two cores, at the same global batch.

Two have no more hardware than one, so 1 is the most that the first row can have: what is missing is what the exchange
of gradients costs. Against one process on one core, 2 is the most.
"""

import os

from benchmarks.fit_rates import fit_rate
from benchmarks.harness import Row

SIZES = {"train": 64, "validation": 8, "test": 8}
GLOBAL_BATCH = 16


def rows() -> list[Row]:
    """Against one process on two cores, and against one process on one."""
    one_core = fit_rate(SIZES, ["trainer=cpu", f"data.batch_size={GLOBAL_BATCH}", "threads=1"])
    one = fit_rate(SIZES, ["trainer=cpu", f"data.batch_size={GLOBAL_BATCH}", "threads=2"])
    half = [f"data.batch_size={GLOBAL_BATCH // 2}", "threads=1"]
    two = fit_rate(SIZES, ["trainer=ddp", "trainer.accelerator=cpu", *half])
    same = f"batches of {GLOBAL_BATCH} windows over all processes"
    name = "training, two processes of one thread, against one process of"
    return [
        Row(f"{name} two threads", one, two, "windows/s", 0.8, same),
        Row(f"{name} one thread ({os.cpu_count()} cores)", one_core, two, "windows/s", 1.6, same),
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
