"""Phases begin from the best epoch so far, and the best epoch's checkpoint is the one that is kept."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

import toy_training as toy
from songmood.errors import ConfigError
from songmood.training.best import Best
from songmood.training.checkpoints import BEST, LAST, EpochCheckpoints
from songmood.training.optimisation.phases import Phase, Phases

SGD = partial(torch.optim.SGD, lr=0.5, momentum=0.9, nesterov=True)


class Diary(pl.Callback):
    """The weights at both ends of each epoch, the optimiser and its rate, and a metric that we choose."""

    def __init__(self, metric: list[float]) -> None:
        self.metric = metric
        self.starts: list[dict[str, torch.Tensor]] = []
        self.ends: list[dict[str, torch.Tensor]] = []
        self.moves: list[tuple[str, float, bool]] = []

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, batch: Any, index: int) -> None:
        if index == 0:
            self.starts.append(copied(module.net))

    def on_train_epoch_end(self, trainer: pl.Trainer, module: Any) -> None:
        trainer.callback_metrics["validation/made_up"] = torch.tensor(self.metric[trainer.current_epoch])
        self.ends.append(copied(module.net))
        optimiser = trainer.optimizers[0]
        has_momentum = any("momentum_buffer" in state for state in optimiser.state.values())
        self.moves.append((type(optimiser).__name__, optimiser.param_groups[0]["lr"], has_momentum))


def copied(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def phases() -> Phases:
    return Phases(3, [Phase(2, optimiser=SGD), Phase(None, lr=0.05)], best_by="validation/made_up")


METRIC = [0.1, 0.9, 0.5, 0.2, 0.95, 0.3, 0.4]


def fit(folder: Path, epochs: int, *callbacks: pl.Callback, resume: Path | None = None) -> Diary:
    diary = Diary(METRIC)
    trained = toy.tagger(optimiser=partial(torch.optim.Adam, lr=0.01), scheduler=phases())
    toy.fit(trained, folder, diary, *callbacks, epochs=epochs, resume=resume)
    return diary


def test_each_phase_has_its_optimiser_and_begins_from_the_best_epoch_so_far(tmp_path: Path) -> None:
    diary = fit(tmp_path, 7)
    assert diary.moves == [
        *[("Adam", 0.01, False)] * 3,
        *[("SGD", 0.5, True)] * 2,
        *[("SGD", 0.05, True)] * 2,  # the same one, with its momentum
    ]
    assert toy.same(diary.starts[3], diary.ends[1])
    assert toy.same(diary.starts[5], diary.ends[4])
    for epoch in (1, 2, 4, 6):
        assert toy.same(diary.starts[epoch], diary.ends[epoch - 1])


@pytest.mark.parametrize("killed_in", [2, 3, 4, 6])
def test_phases_resume_to_the_same_last_bit(tmp_path: Path, killed_in: int) -> None:
    whole = fit(tmp_path / "whole", 7)
    with pytest.raises(toy.KilledError):
        fit(tmp_path / "half", 7, toy.Kill(killed_in))
    rest = fit(tmp_path / "half", 7, resume=tmp_path / "half" / LAST)
    assert toy.same(whole.ends[-1], rest.ends[-1])
    assert whole.moves[-1] == rest.moves[-1]


def test_a_phase_without_anything_new_is_refused() -> None:
    for settings in ({"epochs": 2}, {"epochs": 0, "lr": 0.1}):
        with pytest.raises(ConfigError, match="scheduler: "):
            Phase(**settings)
    with pytest.raises(ConfigError, match="only the last phase"):
        Phases(1, [Phase(None, lr=0.1), Phase(None, lr=0.2)])


@pytest.mark.parametrize("first", [0, 1.5, "abc"])
def test_a_first_phase_of_no_whole_epochs_is_refused(first: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^scheduler\.first={first!r}: expected a whole number, at least 1 epochs"):
        Phases(first, [Phase(None, lr=0.1)])
    with pytest.raises(ConfigError, match=r"^scheduler: a phase of lr='abc': expected a rate above 0$"):
        Phase(None, lr="abc")  # type: ignore[arg-type]


def test_the_best_epoch_s_checkpoint_is_kept_through_a_resumption(tmp_path: Path) -> None:
    def trainer(folder: Path, epochs: int) -> tuple[pl.Trainer, EpochCheckpoints]:
        keeps = EpochCheckpoints(folder, best_by="validation/made_up")
        made = toy.trainer(folder, Diary(METRIC), epochs=epochs)
        made.callbacks[-1] = keeps  # type: ignore[attr-defined]
        return made, keeps

    made, keeps = trainer(tmp_path / "first", 2)
    made.fit(toy.tagger(), toy.Loader(toy.TRAIN), toy.Loader(toy.VALIDATION))
    made, keeps = trainer(tmp_path / "second", 4)
    last = tmp_path / "first" / LAST
    made.fit(toy.tagger(), toy.Loader(toy.TRAIN), toy.Loader(toy.VALIDATION), ckpt_path=last, weights_only=True)
    assert keeps.scored == tmp_path / "second" / BEST
    best = torch.load(keeps.scored, weights_only=True)
    assert best["epoch"] == 1  # counted from 0
    assert best["state_dict"]["thresholds"].isfinite().all()


def test_without_a_validation_the_last_epoch_is_scored_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, keeps = toy.trainer(tmp_path, limit_val_batches=0), EpochCheckpoints(tmp_path, best_by="validation/loss")
    made.callbacks[-1] = keeps  # type: ignore[attr-defined]
    made.fit(toy.tagger(), toy.Loader(toy.TRAIN), toy.Loader(toy.VALIDATION))
    assert keeps.scored == tmp_path / LAST
    said = [record.getMessage() for record in caplog.records if record.name.startswith("songmood")]
    assert said == ["score=best: no epoch had a validation/loss to go by: the last one is scored"]


def test_a_metric_that_nobody_logs_is_refused_with_those_that_are(tmp_path: Path) -> None:
    made = toy.trainer(tmp_path)
    made.callbacks[-1] = EpochCheckpoints(tmp_path, best_by="validation/made_up")  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"best_by=validation/made_up: expected one of validation/loss, "):
        made.fit(toy.tagger(), toy.Loader(toy.TRAIN), toy.Loader(toy.VALIDATION))


def test_of_a_loss_less_is_better_and_what_is_no_number_is_not(tmp_path: Path) -> None:
    made, best = toy.trainer(tmp_path), Best("validation/loss")
    found = []
    for value in (math.nan, 0.5, 0.6, math.nan, 0.55, 0.4, 0.4):
        made.callback_metrics["validation/loss"] = torch.tensor(value)
        found.append(best.is_beaten(made))
    assert found == [False, True, False, False, False, True, False]
