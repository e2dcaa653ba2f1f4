"""What bfloat16 costs: the demo's ROC-AUC after training in either precision, and of one checkpoint in both.

    python -m benchmarks.precision [--seeds 3] [--first 0] [OVERRIDE ...]

Trainings that round differently drift apart. How far they drift for no reason at all is seen from a control: float32
again, with an optimiser of several kernels instead of one, which changes nothing but last bits. Validation's area,
averaged over the second half of the epochs, drifts less than the one area on test. One checkpoint that is scored in
both precisions shows the rounding alone.
"""

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
AREAS = ("test", "validation, mean over epochs")
WAYS = {
    "float32": ("speed.precision=32-true",),
    "float32, other last bits": ("speed.precision=32-true", "speed.fused_optimizer=false"),
    "bfloat16": ("speed.precision=bf16-mixed",),
}


def run(*command: str, folder: Path) -> float:
    """A run of `train.py` or `evaluate.py`: its test ROC-AUC."""
    subprocess.run(
        [sys.executable, *command, f"hydra.run.dir={folder}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return float(metrics["test"]["roc_auc_macro"])


def mean_validation(folder: Path) -> float:
    """Validation's ROC-AUC, averaged over the second half of a run's epochs."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        areas = [float(row["validation/roc_auc_macro"]) for row in csv.DictReader(file)]
    return statistics.mean(areas[len(areas) // 2 :])


def main() -> None:
    """Train, score, and print a line for each seed, then what each way differs by from the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many, two or more")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("overrides", nargs="*", help="of train.py")
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {area: {way: [] for way in WAYS} for area in AREAS}
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.first, options.first + options.seeds):
            base = ("train.py", "experiment=[run3,demo]", f"seed={seed}", "logger=none", "report_epochs=[]")
            for number, (way, chosen) in enumerate(WAYS.items()):
                folder = Path(name) / f"{number}-{seed}"  # the last way's checkpoint is scored below
                test = run(*base, *chosen, "~callbacks.progress_bar", *options.overrides, folder=folder)
                for area, value in zip(AREAS, (test, mean_validation(folder)), strict=True):
                    found[area][way].append(value)
            scored = ("evaluate.py", f"checkpoint={folder}/checkpoints/last.ckpt", "corpus=demo")
            again = run(*scored, "speed.precision=32-true", folder=Path(name) / f"scored-{seed}")
            print(f"seed {seed}, the last one's test in float32: {again:.4f}")
            for area, ways in found.items():
                print(
                    f"    {area}: " + ", ".join(f"{way} {values[-1]:.4f}" for way, values in ways.items()), flush=True
                )
    for area, ways in found.items():
        first, *others = ways.items()
        for way, values in others:
            moved = [value - reference for value, reference in zip(values, first[1], strict=True)]
            error = statistics.stdev(moved) / math.sqrt(len(moved))
            print(f"{area}: {way} against {first[0]} {statistics.mean(moved):+.4f}, standard error {error:.4f}")


if __name__ == "__main__":
    main()
