"""Makes small run folders as training leaves them, from scores that are drawn here."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.evaluation.curves import Curves
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.rules import Elbow
from songmood.evaluation.submission import write_matrix, write_submission
from songmood.evaluation.thresholds import decide, write_thresholds

TAGS = ("mood/theme---calm", "mood/theme---epic", "mood/theme---happy", "mood/theme---sad")
NUM_TRACKS = 60


def draw(
    skill: float, seed: int, num_tags: int = len(TAGS), num_tracks: int = NUM_TRACKS
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scores and targets; the targets do not depend on skill and seed, and every tag has both classes."""
    targets = np.random.default_rng(99).random((num_tracks, num_tags)) < 0.3
    targets[0], targets[1] = True, False
    noise = np.random.default_rng(seed).normal(size=targets.shape)
    return 1 / (1 + np.exp(-(skill * targets + noise - 1))), targets


def make_result(folder: Path, skill: float, seed: int, tags: Sequence[str] = TAGS) -> None:
    """The files of one checkpoint, thresholds fitted on a validation split of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    scores, targets = draw(skill, seed, len(tags))
    validation, truth = draw(skill, seed + 1000, len(tags))
    thresholds = Elbow().fit(validation, truth)
    counts = Curves.of(validation, truth)
    for split, matrix, claims in (("test", scores, targets), ("validation", validation, truth)):
        place = folder if split == "test" else folder / split
        write_submission(place, matrix, decide(matrix, thresholds))
        write_matrix(place / "targets.npy", claims)
        (place / "tracks.txt").write_text("".join(f"{split}_{number}\n" for number in range(len(matrix))))
    write_thresholds(
        folder / "thresholds.tsv", tags, thresholds, counts.positives, counts.negatives, "elbow", "validation"
    )
    (folder / "tags.txt").write_text("".join(f"{tag}\n" for tag in tags), encoding="utf-8")
    scored = evaluate(scores, targets, decide(scores, thresholds), tags).to_dict()
    metrics = {"test": {**scored, "thresholds_fitted_on": "validation"}}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")


def make_run(
    folder: Path,
    experiment: str | None = "run1",
    seed: int = 0,
    *,
    skill: float = 1.5,
    tags: Sequence[str] = TAGS,
    epochs: int = 3,
    earlier: int | None = 2,
    **said: Any,
) -> Path:
    """A run folder; `said` goes into its provenance."""
    make_result(folder, skill, seed, tags)
    if earlier is not None:
        make_result(folder / f"epoch_{earlier:02d}", skill / 2, seed, tags)
    rows = [f"{e},{e * 10},{1 / e},{1.1 / e},{0.5 + e / 20},{e / 20}" for e in range(1, epochs + 1)]
    head = "epoch,step,train/loss,validation/loss,validation/roc_auc_macro,validation/pr_auc_macro"
    (folder / "metrics.csv").write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    provenance = {
        "experiment": experiment,
        "commit": "0123456789abcdef0123",
        "python": "3.11.2",
        "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
        "seed": seed,
        "cache_fingerprint": "feedc0de",
        "hardware": {"cores": 2},
        "finished": "2026-01-02T03:04:05+00:00",
        "seconds": 12.5,
        "config": {"name": experiment, "seed": seed, "corpus": {"cache": "/home/someone/data/demo.h5"}},
        **said,
    }
    (folder / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return folder
