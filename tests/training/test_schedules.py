"""Learning rates over a run against torch's own schedulers, and their ends and corners by hand."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau

import toy_training as toy
from songmood.errors import ConfigError
from songmood.training.checkpoints import LAST
from songmood.training.optimisation.optimiser import Schedule
from songmood.training.optimisation.schedules import cosine, linear, one_cycle


def optimiser(lr: float = 0.5) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)


def rates(make: Any, steps: int) -> list[float]:
    """Of each interval, the first included."""
    moved = optimiser()
    scheduler, found = make(moved), []
    for _ in range(steps):
        found.append(moved.param_groups[0]["lr"])
        moved.step()
        scheduler.step()
    return found


def test_a_cosine_without_a_warm_up_is_torch_s() -> None:
    theirs = rates(lambda moved: CosineAnnealingLR(moved, T_max=20), 20)
    assert rates(partial(cosine, total=20), 20) == pytest.approx(theirs, abs=1e-12)


def test_a_warm_up_rises_to_the_rate_and_the_cosine_falls_from_there_to_zero() -> None:
    found = rates(partial(cosine, total=10, warm_up=4), 11)
    assert found[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert found[7] == pytest.approx(0.25)
    assert found[10] == pytest.approx(0.0)


def test_the_linear_decay_is_constant_first_and_zero_at_the_end() -> None:
    found = rates(partial(linear, total=250), 251)
    assert found[:51] == pytest.approx([0.5] * 51)
    assert found[150] == pytest.approx(0.25)
    assert found[250] == pytest.approx(0.0)


def test_one_cycle_is_torch_s_over_the_run() -> None:
    theirs = rates(lambda moved: OneCycleLR(moved, max_lr=0.5, total_steps=20, pct_start=0.3), 20)
    assert rates(partial(one_cycle, total=20, pct_start=0.3), 20) == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("make", "key", "value"), [(cosine, "warm_up", "abc"), (linear, "warm_up", 1.5), (linear, "constant", -1)]
)
def test_a_schedule_that_cannot_be_is_refused(make: Any, key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^scheduler\.factory\.{key}={value!r}: expected "):
        make(optimiser(), total=10, **{key: value})


class Rates(pl.Callback):
    def __init__(self) -> None:
        self.found: list[float] = []

    def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        self.found.append(trainer.optimizers[0].param_groups[0]["lr"])


SCHEDULES: dict[str, Any] = {
    "cosine": Schedule(partial(cosine, warm_up=1)),
    "cosine in steps": Schedule(cosine, interval="step"),
    "linear": Schedule(linear),
    "one cycle": Schedule(one_cycle, interval="step"),
    "plateau": Schedule(partial(ReduceLROnPlateau, factor=0.1, patience=0), monitor="validation/loss"),
    "plateau in each epoch": Schedule(
        partial(ReduceLROnPlateau, factor=0.1, patience=0, threshold=1e9), monitor="validation/loss"
    ),
    "bare": partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5),
}


def fit(folder: Path, name: str, *callbacks: pl.Callback, resume: Path | None = None) -> tuple[Any, list[float]]:
    seen = Rates()
    trained = toy.tagger(optimiser=partial(torch.optim.SGD, lr=0.5, momentum=0.9), scheduler=SCHEDULES[name])
    toy.fit(trained, folder, seen, *callbacks, epochs=4, resume=resume)
    return trained, seen.found


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_moves_in_training_and_resumes_to_the_same_last_bit(tmp_path: Path, name: str) -> None:
    whole, moved = fit(tmp_path / "whole", name)
    assert len(set(moved)) > 1
    with pytest.raises(toy.KilledError):
        fit(tmp_path / "half", name, toy.Kill(epoch=2))
    with warnings.catch_warnings():
        rest, moved_after = fit(tmp_path / "half", name, resume=tmp_path / "half" / LAST)
    assert moved_after == pytest.approx(moved[4:], rel=1e-12)
    assert toy.same(whole.state_dict(), rest.state_dict())


def test_a_plateau_is_looked_for_where_there_was_a_validation(tmp_path: Path) -> None:
    moved, never_better = Rates(), partial(ReduceLROnPlateau, factor=0.1, patience=0, threshold=1e9)
    trained = toy.tagger(
        optimiser=partial(torch.optim.SGD, lr=0.5), scheduler=Schedule(never_better, monitor="validation/loss")
    )
    toy.fit(trained, tmp_path, moved, epochs=5, check_val_every_n_epoch=2)
    assert moved.found == pytest.approx([0.5] * 4 + [0.05] * 4 + [0.005] * 2)


def test_the_length_of_the_run_is_counted_in_the_schedule_s_intervals(tmp_path: Path) -> None:
    _, in_epochs = fit(tmp_path / "epochs", "cosine")
    assert in_epochs == pytest.approx([0.25, 0.25, 0.5, 0.5, 0.375, 0.375, 0.125, 0.125])
    _, in_steps = fit(tmp_path / "steps", "cosine in steps")
    assert in_steps == pytest.approx(rates(partial(cosine, total=8), 8))


def test_a_schedule_over_a_run_without_an_end_is_refused(tmp_path: Path) -> None:
    endless = toy.tagger(scheduler=Schedule(cosine))
    with pytest.raises(ConfigError, match=r"spans the run, and the run has no end; say trainer\.max_epochs="):
        toy.fit(endless, tmp_path, epochs=-1, max_steps=2)
    with pytest.raises(ConfigError, match=r"scheduler\.interval=minute: expected epoch or step"):
        Schedule(cosine, interval="minute")
