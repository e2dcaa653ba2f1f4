"""What each threshold rule gives on a real pair: fitted on validation, applied to test.

    python -m benchmarks.threshold_rules DIR            # the table of docs/thresholds.md
    python -m benchmarks.threshold_rules DIR --choose   # how ShrunkenF1's settings were chosen, on validation alone
    python -m benchmarks.threshold_rules DIR --fewer    # the same rules, fitted on a part of validation

DIR holds the task's split TSVs (`autotagging_moodtheme-{train,validation,test}.tsv`), and in `lileonardo/` two models'
scores: `convs-m96-{MODEL}-{validation,test}.npy`, from Vincent Bour's public submission to the task's 2021 edition.
"""

import argparse
from pathlib import Path

import numpy as np

from songmood.evaluation.curves import Booleans, Floats, Integers
from songmood.evaluation.metrics import evaluate
from songmood.evaluation.rules import F1, Elbow, Fixed, MicroF1, OrganisersF1, Prior, Youden
from songmood.evaluation.shrinkage import ShrunkenF1
from songmood.evaluation.submission import read_scores
from songmood.evaluation.thresholds import ThresholdRule, decide
from songmood.tracks import read_tracks, tags_of, target_matrix

MODELS = ("i128-wbce", "i224-focal")
FOLDS, SEEDS = 5, 6
SHARES, DRAWS = (0.5, 0.25), 12


def truth(folder: Path, split: str) -> tuple[Booleans, Integers]:
    """Targets of a split, and for each track a number for its artist."""
    tracks = read_tracks(folder / f"autotagging_moodtheme-{split}.tsv")
    artists = np.unique([track.artist_id for track in tracks], return_inverse=True)[1]
    return target_matrix(tracks, tags_of(tracks)) > 0, artists


def scores(folder: Path, model: str, split: str) -> Floats:
    return read_scores(folder / "lileonardo" / f"convs-m96-{model}-{split}.npy")


def decision_scores(scored: Floats, targets: Booleans, decisions: Booleans) -> list[float]:
    summary = evaluate(scored, targets, decisions, [str(tag) for tag in range(targets.shape[1])]).summary
    return [summary[name] for name in ("f1_macro", "f1_micro", "precision_macro", "recall_macro")]


def table(folder: Path) -> None:
    """Print every rule on both models."""
    fitting, _ = truth(folder, "validation")
    training, _ = truth(folder, "train")
    deciding, _ = truth(folder, "test")
    rules: dict[str, ThresholdRule] = {
        "`elbow`": Elbow(),
        "`youden`": Youden(),
        "`f1`": F1(),
        "`shrunken_f1`": ShrunkenF1(),
        "`prior`, validation's frequencies": Prior(),
        "`prior`, training's frequencies": Prior(tuple(training.mean(axis=0).tolist())),
        "`micro_f1`": MicroF1(),
        "`fixed`, 0.5": Fixed(),
        "*`elbow`, test (oracle)*": Elbow(),
        "*`organisers_f1`, test (oracle)*": OrganisersF1(),
    }
    print("| rule |" + " F1 macro | F1 micro | precision macro | recall macro |" * len(MODELS))
    print("|---|" + "---|" * 4 * len(MODELS))
    for name, rule in rules.items():
        cells = []
        for model in MODELS:
            test = scores(folder, model, "test")
            on = (test, deciding) if "oracle" in name else (scores(folder, model, "validation"), fitting)
            cells += decision_scores(test, deciding, decide(test, rule.fit(*on)))
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")


def cross_fitted(rule: ThresholdRule, scored: Floats, targets: Booleans, artists: Integers) -> list[float]:
    """F1 macro and micro on validation, each fifth of the artists decided by the others' thresholds; mean of seeds."""
    found = []
    for seed in range(SEEDS):
        fold = (np.random.default_rng(seed).permutation(artists.max() + 1) % FOLDS)[artists]
        decisions = np.zeros_like(targets)
        for held_out in (fold == number for number in range(FOLDS)):
            decisions[held_out] = decide(scored[held_out], rule.fit(scored[~held_out], targets[~held_out]))
        found.append(decision_scores(scored, targets, decisions)[:2])
    return [float(value) for value in np.mean(found, axis=0)]


def choose(folder: Path) -> None:
    """Print ShrunkenF1's settings, scored on validation alone."""
    targets, artists = truth(folder, "validation")
    print("| pseudo-positives | resamples |" + " F1 macro | F1 micro |" * len(MODELS))
    print("|---|---|" + "---|" * 2 * len(MODELS))
    for pseudo_positives in (0, 5, 10, 20, 50, 100):
        for resamples in (0, 50):
            rule = ShrunkenF1(pseudo_positives, resamples)
            cells = [c for m in MODELS for c in cross_fitted(rule, scores(folder, m, "validation"), targets, artists)]
            print(
                f"| {pseudo_positives} | {resamples} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |",
                flush=True,
            )


def fewer(folder: Path) -> None:
    """Print what rules give on test when they are fitted on some of validation's artists: mean and SD over draws."""
    fitting, artists = truth(folder, "validation")
    deciding, _ = truth(folder, "test")
    print("| fitted on | rule |" + " F1 macro | F1 micro |" * len(MODELS))
    print("|---|---|" + "---|" * 2 * len(MODELS))
    for share in SHARES:
        for rule in (F1(), ShrunkenF1(), MicroF1()):
            cells = []
            for model in MODELS:
                validation, test = (scores(folder, model, split) for split in ("validation", "test"))
                found = []
                for seed in range(DRAWS):
                    kept = (np.random.default_rng(seed).permutation(artists.max() + 1) < share * artists.max())[artists]
                    decisions = decide(test, rule.fit(validation[kept], fitting[kept]))
                    found.append(decision_scores(test, deciding, decisions)[:2])
                means, deviations = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
                cells += [f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in zip(means, deviations, strict=True)]
            print(f"| {share:.0%} of the artists | `{rule.name}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    which = parser.add_mutually_exclusive_group()
    for study in (choose, fewer):
        which.add_argument(f"--{study.__name__}", dest="study", action="store_const", const=study, default=table)
    arguments = parser.parse_args()
    arguments.study(arguments.folder)
