"""What bfloat16 costs: the demo's test ROC-AUC after training in either precision, and of one checkpoint in both.

    python -m benchmarks.precision [--seeds 3] [--first 0] [--experiment "[run3,demo]"]

Trainings that round differently drift apart. How far they drift for no reason at all is seen from a control: float32
again, with an optimiser of several kernels instead of one, which changes nothing but last bits. One checkpoint that is
scored in both precisions shows the rounding alone.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WAYS = {
    "float32": ("speed.precision=32-true",),
    "float32, other last bits": ("speed.precision=32-true", "speed.fused_optimizer=false"),
    "bfloat16": ("speed.precision=bf16-mixed",),
}


def roc_auc(*command: str, folder: Path) -> float:
    """The test ROC-AUC of a run of `train.py` or `evaluate.py`."""
    subprocess.run(
        [sys.executable, *command, f"hydra.run.dir={folder}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return float(metrics["test"]["roc_auc_macro"])


def main() -> None:
    """Train, score, and print a line for each seed, then what each way differs by from the first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many, two or more")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--experiment", default="[run3,demo]")
    options = parser.parse_args()
    trained: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.first, options.first + options.seeds):
            base = ("train.py", f"experiment={options.experiment}", f"seed={seed}", "logger=none", "report_epochs=[]")
            for number, (way, overrides) in enumerate(WAYS.items()):
                folder = Path(name) / f"{number}-{seed}"  # the last way's checkpoint is scored below
                trained[way].append(roc_auc(*base, *overrides, "~callbacks.progress_bar", folder=folder))
            scored = ("evaluate.py", f"checkpoint={folder}/checkpoints/last.ckpt", "corpus=demo")
            again = roc_auc(*scored, "speed.precision=32-true", folder=Path(name) / f"scored-{seed}")
            areas = ", ".join(f"{way} {values[-1]:.4f}" for way, values in trained.items())
            print(f"seed {seed}: trained in {areas}; the last one scored in float32 {again:.4f}", flush=True)
    first, *others = trained.items()
    for way, values in others:
        moved = [value - reference for value, reference in zip(values, first[1], strict=True)]
        error = statistics.stdev(moved) / math.sqrt(len(moved))
        print(f"{way}: {statistics.mean(moved):+.4f} on average, standard error {error:.4f}, against {first[0]}")


if __name__ == "__main__":
    main()
