"""Why a run cannot go on from a checkpoint is said by the values that differ."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from songmood.errors import CheckpointError
from songmood.training.card import ModelCard

MODEL = {"_target_": "songmood.models.crnn.build_crnn", "gru_width": 4, "hidden": 8, "head": "paper", "fusion": False}
CARD = ModelCard(("happy", "sad"), (), {}, MODEL, {}, {}, 0, "abc")


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
    path = tmp_path / "a.ckpt"
    torch.save({ModelCard.KEY: CARD.to_plain(), "state_dict": {}}, path)
    with pytest.raises(CheckpointError) as raised:
        replace(CARD, model=MODEL | here).check_resumable(path)
    assert str(raised.value) == f"{path}: its model is {said}; resume with the run's own configuration"
