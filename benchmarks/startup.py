"""How long the command line takes to answer, against an entry that imports what it will need at its top."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.harness import Row, rates

ROOT = Path(__file__).parents[1]
EAGER = "import torch, pytorch_lightning, hydra, omegaconf, wandb"  # the usual first lines of a train.py
LIMITS = {"songmood --help": 0.5, "python train.py --cfg job": 1.0}  # seconds


def _run(*command: str) -> int:
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return 1


def seconds(*command: str) -> float:
    """The fastest of five runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        _run(*command)
        times.append(time.perf_counter() - start)
    return min(times)


def rows() -> list[Row]:
    commands = {
        "songmood --help": (sys.executable, "-m", "songmood", "--help"),
        "python train.py --cfg job": (sys.executable, "train.py", "--cfg", "job", "corpus=demo"),
    }
    found = []
    for name, command in commands.items():
        sides = {"eager": lambda: _run(sys.executable, "-c", EAGER), "late": lambda c=command: _run(*c)}
        speed = rates(sides, rounds=3)
        same = f"best of five {seconds(*command):.2f} s, at most {LIMITS[name]} s wanted"
        found.append(Row(name, speed["eager"], speed["late"], "starts/s", 1.0, same))
    return found


if __name__ == "__main__":
    for row in rows():
        print(row)
