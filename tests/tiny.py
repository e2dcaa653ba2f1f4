"""A corpus small enough to train on in a second, and training runs of it, in this process or in one of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from warm import WarmCommand

if TYPE_CHECKING:
    from songmood import FinishedRun

PATIENCE = 280  # seconds
ROOT = Path(__file__).parents[1]
SCRIPTS = (ROOT / "train.py", ROOT / "evaluate.py")
TAGS = ("mood/theme---calm", "mood/theme---dark", "mood/theme---happy")
SIZES = {"train": 12, "validation": 8, "test": 8}
TINY_NET = ("model.filters=[4,4,4,4]", "model.gru_width=4", "model.hidden=8")
TINY_RUN = (
    "data.window=96",
    "data.batch_size=8",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "threads=1",
    "pictures=false",
    "seed=3",
)


def write_corpus(root: Path, num_frames: int = 150, sizes: Mapping[str, int] = MappingProxyType(SIZES)) -> Path:
    """Tracks of noise whose level, slope over the bands and hump in their middle say which tags they have."""
    rng = np.random.default_rng(5)
    number = 0
    for split, size in sizes.items():
        rows = ["TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"]
        for index in range(size):
            number += 1
            has = [index % 2 == 0, index % 3 == 0, index % 4 < 2]
            mel = rng.normal(-40, 8, (num_frames, 96)).astype(np.float32)
            mel += 10 * has[0] + np.linspace(-8, 8, 96, dtype=np.float32) * (1 if has[1] else -1)
            mel[:, 40:56] += 10 * has[2]
            stem = f"{number % 100:02d}/{number}"
            path = root / "melspecs" / f"{stem}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.asfortranarray(mel.T))
            tags = [tag for tag, is_there in zip(TAGS, has, strict=True) if is_there] or [TAGS[2]]
            artist = f"artist_{split}_{index % 3}"
            rows.append("\t".join((f"track_{number:07d}", artist, "album_1", f"{stem}.mp3", "3.2", *tags)))
        (root / f"tracks-{split}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def folder_overrides(corpus: Path) -> tuple[str, ...]:
    return ("corpus=folder", f"corpus.root={corpus}", f"corpus.cache_path={corpus}/cache.h5", "corpus.workers=0")


def train_here(corpus: Path, folder: Path, *overrides: str, net: Sequence[str] = TINY_NET) -> "FinishedRun":
    """A training run in this process."""
    return train_on(folder_overrides(corpus), folder, *net, *overrides)


def train_on(corpus: Sequence[str], folder: Path, *overrides: str) -> "FinishedRun":
    """The same, on a corpus that overrides describe."""
    from songmood.runs.api import train

    chosen = [*corpus, *TINY_RUN, "logger=none", "callbacks={progress_bar:null}", *overrides]
    return train(chosen, folder)


def command(script: str, *overrides: str) -> list[str]:
    return [sys.executable, str(ROOT / script), *overrides]


def training_command(corpus: Path, folder: Path, *overrides: str) -> list[str]:
    return command(
        "train.py",
        *folder_overrides(corpus),
        *TINY_RUN,
        *TINY_NET,
        f"hydra.run.dir={folder}",
        "logger=none",
        *overrides,
    )


def run(arguments: Sequence[str], cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own; `train.py` and `evaluate.py` in one that need not import torch again."""
    if Path(arguments[1]) in SCRIPTS:
        return WarmCommand(arguments, cwd, environment).result(PATIENCE)
    return run_from_nothing(arguments, cwd, **environment)


def run_from_nothing(
    arguments: Sequence[str], cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Any command, as a user starts it."""
    return subprocess.run(
        arguments,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={**os.environ, **environment},
        cwd=cwd,
    )
