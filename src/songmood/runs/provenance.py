"""Where a result comes from: commit, versions, seed, cache, hardware, time."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

import songmood
from songmood.training.card import ModelCard
from songmood.training.trust import targets_of

ROOMS = ("audio", "cache", "corpora", "loading", "models", "evaluation", "training", "runs")
AROUND_RUNS = ("sweeps",)  # folders of these rooms that start runs and read them back
WITHOUT_EFFECT = ("logger", "ckpt_path", "pictures")
SHOWS_ONLY = ("progress_bar", "trial")  # of the callbacks
PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "hydra-core", "numpy", "h5py")


def code_version() -> str:
    """The clone's commit, with ``+changes`` where files differ from it; elsewhere the package's version."""
    root = Path(songmood.__file__).parents[2]
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return songmood.__version__
    return commit + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def hardware() -> dict[str, Any]:
    """Processor, cores, threads in use and, where there is one, the accelerator."""
    found = {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found


def code_fingerprint(targets: Collection[str] = ()) -> str:
    """Of the sources that decide a result: equal for two commits that differ in documents or the report alone.

    Args:
        targets: what the configuration names; sources of a user's own that are among them count too.
    """
    root = Path(songmood.__file__).parent
    paths = [path for room in ROOMS for path in (root / room).rglob("*.py") if path.parent.name not in AROUND_RUNS]
    digest = hashlib.sha256()
    for base, path in sorted([(root, path) for path in paths] + [*_own_sources(targets)]):
        digest.update(f"{path.relative_to(base).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _own_sources(targets: Collection[str]) -> Iterator[tuple[Path, Path]]:
    """Modules of packages that a user works on, each behind the folder it is seen from; not of installed ones."""
    for name in {target.partition(".")[0] for target in targets} - {"songmood"}:
        spec = find_spec(name)
        found = [*(spec.submodule_search_locations or ()), spec.origin] if spec else []
        for place in map(Path, filter(None, found)):
            if {"site-packages", "dist-packages"} & {*place.parts}:
                continue
            for path in place.rglob("*.py") if place.is_dir() else [place] if place.suffix == ".py" else []:
                yield place.parent, path


def provenance(
    name: str, composed: Mapping[str, Any], card: ModelCard, seconds: float, precision: str | None = None
) -> dict[str, Any]:
    """All that tells one run from another, JSON-ready.

    Args:
        name: the run's, by which tables know it.
        composed: the configuration before interpolation, so that it is the same on another machine.
        card: the trained model's.
        seconds: how long the run took.
        precision: in which it was computed, such as ``bf16-mixed``; None where nothing was trained.
    """
    return {
        "experiment": name,
        "commit": code_version(),
        "code": code_fingerprint(targets_of(dict(composed))),
        "songmood": songmood.__version__,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "seed": card.seed,
        "cache_fingerprint": card.cache_fingerprint,
        "precision": precision,
        "hardware": hardware(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "config": comparable(composed),
    }


def comparable(composed: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without what does not touch the result: where it logs, what it shows, what it resumed from."""
    callbacks = {name: node for name, node in (composed.get("callbacks") or {}).items() if name not in SHOWS_ONLY}
    kept = {key: value for key, value in composed.items() if key not in WITHOUT_EFFECT} | {"callbacks": callbacks}
    return dict(json.loads(json.dumps(kept)))  # as it will be read back: the keys of JSON are text


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _git(root: Path, *arguments: str) -> str | None:
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
