"""Windows per second of whole training runs, as `train.py` runs them, on a corpus of any size."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch

from benchmarks.made_up_cache import TAGS, make_sparse_cache, plan_of
from songmood.audio.parameters import MelParameters
from songmood.cache.read import MelCache
from songmood.tracks import Track

ROOT = Path(__file__).parents[1]
EPOCHS = 2  # the first one warms up, the others are timed


class MadeUpCorpus:
    """Tracks of equal length without a sound."""

    name = "made-up"
    tags = TAGS
    feature_names = ()

    def __init__(self, cache_path: str, frames: int, train: int, validation: int, test: int) -> None:
        self.cache_path = Path(cache_path)
        self.mel = MelParameters()
        self._sizes = {"train": train, "validation": validation, "test": test}
        self._frames = frames

    @property
    def splits(self) -> Mapping[str, tuple[Track, ...]]:
        """One after the other."""
        tracks = iter(plan_of(self.cache_path, sum(self._sizes.values()), self._frames).tracks)
        return {split: tuple(next(tracks) for _ in range(size)) for split, size in self._sizes.items()}

    def open(self) -> MelCache:
        """The cache, made where it is missing."""
        if not self.cache_path.exists():
            make_sparse_cache(self.cache_path, sum(self._sizes.values()), self._frames)
        return MelCache.open(self.cache_path)

    def check_features(self, cache: MelCache) -> None:
        """There are none."""


class FitClock(pl.Callback):
    """Writes the seconds from the second epoch's first batch to the end of the fit: what a user waits for."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.start = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock when the first epoch has warmed everything up."""
        if trainer.current_epoch == 1:
            self._wait()
            self.start = time.perf_counter()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop it."""
        self._wait()
        if trainer.is_global_zero:
            self.path.write_text(json.dumps({"seconds": time.perf_counter() - self.start}), encoding="utf-8")

    def _wait(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()


def fit_rate(sizes: Mapping[str, int], overrides: Sequence[str]) -> float:
    """Training windows per second of a fit of the paper's CRNN, with validation, metrics, logging and checkpoints.

    Args:
        sizes: tracks in each split.
        overrides: of `train.py`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frames = 9_500
        corpus = [f"corpus.{split}={size}" for split, size in sizes.items()]
        clock = folder / "clock.json"
        MadeUpCorpus(str(folder / "cache.h5"), frames, **sizes).open()
        command = [
            *(sys.executable, str(ROOT / "train.py"), "corpus=made_up", "data=random", f"trainer.max_epochs={EPOCHS}"),
            *(f"hydra.searchpath=[file://{ROOT}/benchmarks/conf]", f"corpus.cache_path={folder}/cache.h5", *corpus),
            *(f"hydra.run.dir={folder}/run", "logger=csv", "report_epochs=[]", "~callbacks.progress_bar"),
            *("+callbacks.clock._target_=benchmarks.fit_rates.FitClock", f"+callbacks.clock.path={clock}"),
            *overrides,
        ]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        seconds: float = json.loads(clock.read_text(encoding="utf-8"))["seconds"]
    return 5 * sizes["train"] * (EPOCHS - 1) / seconds
