"""Scalar settings are refused by name, value and remedy."""

from pathlib import Path

import pytest

from songmood.errors import CheckpointError, ConfigError
from songmood.runs.settings import check_settings


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"seed": -1}, "seed=-1: expected a whole number, 0 or more"),
        ({"seed": True}, "seed=True: expected a whole number"),
        ({"threads": 0}, "threads=0: expected a whole number, 1 or more, or null"),
        ({"optimizer": {"lr": 0}}, "optimizer.lr=0: expected a number above 0"),
        ({"optimizer": {"lr": "fast"}}, "optimizer.lr=fast: expected a number above 0"),
        ({"trainer": {"max_epochs": 0}}, "trainer.max_epochs=0: expected a whole number, 1 or more"),
        ({"trainer": {"accelerator": "abacus"}}, "trainer.accelerator=abacus: expected one of auto, cpu"),
        ({"report_epochs": [0]}, "report_epochs=\\[0\\]: expected a list of epochs"),
        ({"report_epochs": 8}, "report_epochs=8: expected a list of epochs"),
        ({"split": "tset"}, "split=tset: expected one of train, validation, test"),
        ({"windows": "none"}, "windows=none: expected one of same, centre, all"),
        ({"trusted": "mine"}, "trusted=mine: expected a list of packages"),
        ({"trainer": {"precision": "64-true"}}, "trainer.precision is not read .*: say it as speed.precision"),
        ({"trainer": {"benchmark": True}}, "trainer.benchmark is not read .*: say it as speed.cudnn_benchmark"),
        ({"trainer": {"logger": False}}, "trainer.logger is not read .*: say it as the group logger"),
        ({"trainer": {"callbacks": []}}, "trainer.callbacks is not read .*: say it as the group callbacks"),
        ({"trainer": {"default_root_dir": "x"}}, "trainer.default_root_dir is not read .*: say it as hydra.run.dir"),
        (
            {"trainer": {"enable_checkpointing": False}},
            "trainer.enable_checkpointing is not read .*: say it as report_",
        ),
    ],
)
def test_an_impossible_value_is_named(config: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_settings(config)


def test_possible_values_pass(tmp_path: Path) -> None:
    checkpoint = tmp_path / "last.ckpt"
    checkpoint.touch()
    check_settings(
        {
            "seed": 0,
            "threads": None,
            "optimizer": {"lr": 1e-3, "eps": 1e-7, "weight_decay": 0.0},
            "trainer": {"max_epochs": 1, "accelerator": "auto"},
            "report_epochs": [],
            "ckpt_path": str(checkpoint),
        }
    )


def test_a_checkpoint_to_resume_from_must_be_there() -> None:
    with pytest.raises(CheckpointError, match=r"ckpt_path=nowhere\.ckpt: no such file"):
        check_settings({"ckpt_path": "nowhere.ckpt"})
