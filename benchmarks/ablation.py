"""What each part of the full recipe does on a small corpus: the paper's recipe, then part by part.

    python -m benchmarks.ablation corpus=folder corpus.root=DIR [--folder results/ablation] [--models crnn convs ...]
        [--recipes paper +mixup full full-mixup ...] [--seeds 3] [--members 6]
    python -m benchmarks.ablation_table [--folder results/ablation] [--test]

Every run is one in the sizes of `conf/experiment/small.yaml`, and sees as many frames as the others. It has a folder of
its own, of its model, recipe and seed. What is finished is kept: a killed ablation goes on with the run that it was in.
The most telling runs come first: a seed of everything with the paper's network, then further seeds.
"""

import argparse
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAPER, FULL = "paper", "full"
PARTS = ("whole", "crops", "standardise", "mixup", "spec_augment", "weighted_bce", "cosine", "swa")
PLAIN = {  # of the parts that are an override, or a few
    "standardise": ("+model.standardise=true",),
    "weighted_bce": ("loss=weighted_bce",),
    "cosine": ("scheduler=cosine",),
    "swa": ("averaging=swa",),
}
WINDOWS = (  # the paper's in small: 960 frames of each track in each of 8 epochs; of crops, 192 in each of 40
    "data=random",
    "data.sampling.per_track=2",
    "data.window=480",
    "trainer.max_epochs=8",
    "trainer.check_val_every_n_epoch=8",
)
RECURRENT = ("crnn", "crnn_attn")
OTHERS = ("convs", "short_res", "fa_resnet")  # trained by the full recipe alone; two standardise by themselves
QUIET = (
    "logger=none",
    "~callbacks.progress_bar",
    "+trainer.enable_progress_bar=false",
    "report_epochs=[]",
    "threads=1",
)


@dataclass(frozen=True)
class Job:
    """A training run of the ablation.

    Attributes:
        model: an option of the group `model`.
        recipe: ``paper``; ``+PART``, the paper's and one part; ``full``; ``full-PART``, all parts but one.
        seed: of the run.
    """

    model: str
    recipe: str
    seed: int

    def folder(self, root: Path) -> Path:
        """Its run folder, the same each time."""
        return root / self.model / self.recipe / f"seed-{self.seed}"

    def is_finished(self, root: Path) -> bool:
        """Whether all of its results are there; the provenance is written after them."""
        return (self.folder(root) / "provenance.json").is_file()

    def overrides(self) -> list[str]:
        """What its command line says, beside the corpus."""
        chosen = ["experiment=small", f"model={self.model}", f"seed={self.seed}", *QUIET]
        parts = parts_of(self.recipe)
        if self.model in OTHERS:
            chosen += ["~model.filters", "model.channels=16"]
            parts -= {"standardise"}
        return [*chosen, *recipe_overrides(parts)]


def recipes() -> list[str]:
    """All of a CRNN's, in the table's order; crops are scored side by side, and so never without the whole track."""
    return [PAPER, *(f"+{part}" for part in PARTS), FULL, *(f"{FULL}-{part}" for part in PARTS[1:])]


def parts_of(recipe: str) -> set[str]:
    """The parts that a recipe has."""
    if recipe == PAPER:
        return set()
    if recipe.startswith("+"):
        return {recipe[1:]}
    return set(PARTS) - {recipe.removeprefix(FULL).removeprefix("-")}


def recipe_overrides(parts: set[str]) -> list[str]:
    """A recipe on the command line.

    Validation is scored as the test is, so that it can be chosen by: where the paper's windows are kept, by the centre
    window or the whole track. (The paper validates on random windows.)
    """
    if "crops" in parts:
        chosen = ["data=crops", "data.window=192"]
    else:
        how = "all" if "whole" in parts else "centre"
        hop = [f"data.{split}_sampling.hop=240" for split in ("validation", "test") if how == "all"]
        chosen = [*WINDOWS, *(f"data/windows@data.{split}_sampling={how}" for split in ("validation", "test")), *hop]
    if augmentations := [part for part in PARTS if part in parts and part in ("mixup", "spec_augment")]:
        chosen.append(f"augment=[{','.join(augmentations)}]")
    return [*chosen, *(override for part in PARTS if part in parts for override in PLAIN.get(part, ()))]


def jobs(models: Sequence[str], only: Sequence[str], seeds: int, members: int) -> list[Job]:
    """Every run, the most telling first: the first model that was asked for, seed by seed; then the other models.

    Args:
        models: options of the group `model`.
        only: these recipes.
        seeds: of each row, from 0.
        members: seeds of the first model's full recipe, for ensembles.
    """
    found = []
    for model in models:
        own = sorted((recipe for recipe in only if model in RECURRENT or recipe == FULL), key=_priority)
        found += [Job(model, recipe, seed) for seed in range(seeds) for recipe in own]
        if model == models[0] and FULL in own:
            found += [Job(model, FULL, seed) for seed in range(seeds, members)]
    return found


def _priority(recipe: str) -> int:
    """The table's ends tell most; the paper's with whole tracks least: the paper's weights, scored otherwise."""
    return 0 if recipe in (PAPER, FULL) else 2 if recipe == "+whole" else 1


def carry_out(job: Job, corpus: Sequence[str], root: Path) -> None:
    """Train, from the start: a run takes a minute."""
    from songmood import train

    shutil.rmtree(job.folder(root), ignore_errors=True)
    train([*job.overrides(), *corpus], job.folder(root))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="+", help="overrides that say which, such as corpus=folder corpus.root=DIR")
    parser.add_argument("--folder", type=Path, default=Path("results/ablation"))
    parser.add_argument("--models", nargs="+", default=["crnn", *OTHERS, "crnn_attn"], choices=[*RECURRENT, *OTHERS])
    parser.add_argument("--recipes", nargs="+", default=recipes(), choices=recipes(), metavar="RECIPE")
    parser.add_argument("--seeds", type=int, default=3, help="of each row")
    parser.add_argument("--members", type=int, default=6, help="seeds of the first model's full recipe, for ensembles")
    asked = parser.parse_args(arguments)
    planned = jobs(asked.models, asked.recipes, asked.seeds, asked.members)
    for number, job in enumerate(planned, 1):
        if job.is_finished(asked.folder):
            continue
        started = time.process_time()
        carry_out(job, asked.corpus, asked.folder)
        spent = time.process_time() - started
        print(f"[{number}/{len(planned)}] {job.model} {job.recipe}, seed {job.seed}: {spent:.0f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
