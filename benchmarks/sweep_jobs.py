"""Two jobs of a sweep side by side on two cores, against one after the other, each on one thread."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.fit_rates import ROOT
from benchmarks.harness import Row

SIZES = {"train": 32, "validation": 4, "test": 4}
JOB = ("trainer=cpu", "threads=1", "trainer.max_epochs=1", "logger=none", "pictures=false")
SEEDS = (0, 1)
TARGET = 1.67  # in at most 0.6 of the time


def rows() -> list[Row]:
    """Jobs an hour with the local launcher, one at a time and two."""
    with tempfile.TemporaryDirectory() as place:
        one, two = (_sweep(Path(place), at_once) for at_once in (1, 2))
        for seed in SEEDS:
            scores = [np.load(Path(place, str(at_once), f"seed={seed}", "predictions.npy")) for at_once in (1, 2)]
            assert np.array_equal(*scores), seed
    what = "two jobs of a sweep, one thread each, side by side on two cores"
    return [Row(what, one, two, "jobs/h", TARGET, "the same scores, to the last bit")]


def _sweep(place: Path, at_once: int) -> float:
    """Jobs an hour."""
    overrides = [
        "-m",
        f"hydra.searchpath=[file://{ROOT}/benchmarks/conf]",
        *("corpus=made_up", f"corpus.cache_path={place}/made_up.h5", *(f"corpus.{k}={n}" for k, n in SIZES.items())),
        *(*JOB, f"seed={','.join(map(str, SEEDS))}", "callbacks={progress_bar:null}"),
        *("hydra/launcher=local", f"hydra.launcher.at_once={at_once}", f"hydra.sweep.dir={place}/{at_once}"),
    ]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    start = time.perf_counter()
    command = [sys.executable, str(ROOT / "train.py"), *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return len(SEEDS) * 3600 / (time.perf_counter() - start)


if __name__ == "__main__":
    for row in rows():
        print(row)
