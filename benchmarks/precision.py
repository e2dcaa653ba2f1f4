"""What bfloat16 costs: the demo's test ROC-AUC after training in either precision, and of one checkpoint in both.

    python -m benchmarks.precision [--seeds 3] [--first 0] [--experiment "[run3,demo]"]

Two trainings that round differently drift apart as two seeds do, so a difference between them is to be seen beside the
spread over seeds. One checkpoint that is scored in both precisions shows the rounding alone.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRECISIONS = ("32-true", "bf16-mixed")


def roc_auc(*command: str, folder: Path) -> float:
    """The test ROC-AUC of a run of `train.py` or `evaluate.py`."""
    subprocess.run(
        [sys.executable, *command, f"hydra.run.dir={folder}"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return float(metrics["test"]["roc_auc_macro"])


def main() -> None:
    """Train, score, and print a line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--experiment", default="[run3,demo]")
    options = parser.parse_args()
    trained: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.first, options.first + options.seeds):
            for precision in PRECISIONS:
                folder = Path(name) / f"{precision}-{seed}"
                chosen = (f"experiment={options.experiment}", f"seed={seed}", "logger=none", "report_epochs=[]")
                trained[precision].append(
                    roc_auc(
                        "train.py", *chosen, f"speed.precision={precision}", "~callbacks.progress_bar", folder=folder
                    )
                )
            checkpoint = f"checkpoint={Path(name)}/bf16-mixed-{seed}/checkpoints/last.ckpt"
            rescored = [
                roc_auc(
                    "evaluate.py",
                    *(checkpoint, "corpus=demo", f"speed.precision={precision}"),
                    folder=Path(name) / f"scored-{precision}-{seed}",
                )
                for precision in PRECISIONS
            ]
            line = f"seed {seed}: trained in float32 {trained['32-true'][-1]:.4f}, in bfloat16 "
            line += f"{trained['bf16-mixed'][-1]:.4f}; the latter scored in float32 {rescored[0]:.4f}, "
            print(f"{line}in bfloat16 {rescored[1]:.4f}", flush=True)
    means = {precision: statistics.mean(values) for precision, values in trained.items()}
    print(f"mean over seeds: float32 {means['32-true']:.4f}, bfloat16 {means['bf16-mixed']:.4f}")


if __name__ == "__main__":
    main()
