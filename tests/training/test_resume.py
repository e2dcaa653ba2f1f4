"""Why a run cannot go on from a checkpoint is said by the values that differ."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from songmood.errors import CheckpointError
from songmood.runs.compose import make_recipe
from songmood.training.card import ModelCard

MODEL = {"_target_": "songmood.models.crnn.build_crnn", "gru_width": 4, "hidden": 8, "head": "paper", "fusion": False}
CARD = ModelCard(("happy", "sad"), (), {}, MODEL, {}, {}, 0, "abc")


BCE = {"_target_": "torch.nn.BCEWithLogitsLoss"}
RECIPE = {"loss": BCE, "optimizer": {"lr": 0.1}, "scheduler": {}, "augment": {}, "averaging": {"share": 0.2}}


def saved(card: ModelCard, path: Path) -> Path:
    torch.save({ModelCard.KEY: card.to_plain(), "state_dict": {}}, path)
    return path


@pytest.mark.parametrize(
    ("part", "here", "said"),
    [
        ("loss", {"_target_": "mine.Loss"}, "_target_=torch.nn.BCEWithLogitsLoss (here mine.Loss)"),
        ("optimizer", {"lr": 0.2}, "lr=0.1 (here 0.2)"),
        ("scheduler", {"interval": "step"}, "interval=None (here step)"),
        ("augment", {"alpha": 1.0}, "alpha=None (here 1.0)"),
        ("averaging", {}, "share=0.2 (here None)"),
    ],
)
def test_another_part_that_moves_the_weights_is_named(tmp_path: Path, part: str, here: Any, said: str) -> None:
    path, card = saved(replace(CARD, recipe=RECIPE), tmp_path / "a.ckpt"), replace(CARD, recipe=RECIPE | {part: here})
    with pytest.raises(CheckpointError) as raised:
        card.check_resumable(path)
    assert str(raised.value) == f"{path}: its {part} is {said}; resume with the run's own configuration"
    replace(CARD, recipe=RECIPE).check_resumable(path)


def test_a_checkpoint_that_was_written_without_its_parts_goes_on_with_any(tmp_path: Path) -> None:
    plain = CARD.to_plain()
    del plain["recipe"]
    torch.save({ModelCard.KEY: plain, "state_dict": {}}, tmp_path / "a.ckpt")
    replace(CARD, recipe=RECIPE).check_resumable(tmp_path / "a.ckpt")


def test_a_run_may_be_extended_but_not_where_one_cycle_spans_it(tmp_path: Path) -> None:
    def card(schedule: str, **trainer: int) -> ModelCard:
        factory = {"_target_": f"songmood.training.optimisation.schedules.{schedule}", "_partial_": True}
        return replace(CARD, recipe=make_recipe({**RECIPE, "scheduler": {"factory": factory}, "trainer": trainer}))

    cosine = saved(card("cosine", max_epochs=4), tmp_path / "cosine.ckpt")
    card("cosine", max_epochs=8).check_resumable(cosine)
    cycle = saved(card("one_cycle", max_epochs=4), tmp_path / "cycle.ckpt")
    card("one_cycle", max_epochs=4).check_resumable(cycle)
    with pytest.raises(CheckpointError, match=r"its length is max_epochs=4 \(here 8\); resume with the run's own"):
        card("one_cycle", max_epochs=8).check_resumable(cycle)
    with pytest.raises(CheckpointError, match=r"its length is max_steps=None \(here 6\)"):
        card("one_cycle", max_epochs=4, max_steps=6).check_resumable(cycle)


@pytest.mark.parametrize(
    ("here", "said"),
    [
        ({"gru_width": 32}, "gru_width=4 (here 32)"),
        ({"attention": True}, "attention=None (here True)"),  # a setting that was not there
        (
            {"gru_width": 1, "hidden": 2, "head": "published", "fusion": True},  # four: the first three are enough
            "fusion=False (here True), gru_width=4 (here 1), head=paper (here published)",
        ),
    ],
)
def test_the_settings_that_differ_are_named(tmp_path: Path, here: dict[str, Any], said: str) -> None:
    path = saved(CARD, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError) as raised:
        replace(CARD, model=MODEL | here).check_resumable(path)
    assert str(raised.value) == f"{path}: its model is {said}; resume with the run's own configuration"
