"""Stochastic weight averaging against torch's own, over any end and any interruption of a run."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.optim.swa_utils import AveragedModel, update_bn

import toy_training as toy
from songmood.errors import ConfigError
from songmood.training.checkpoints import LAST
from songmood.training.optimisation.averaging import LastEpochsMean
from songmood.training.tagger import Tagger


class Record(pl.Callback):
    """torch's average of the nets at the ends of some epochs."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.average: AveragedModel | None = None
        self.rates: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, index: int) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])
        if trainer.current_epoch >= self.first and index + 1 == trainer.num_training_batches:
            self.average = self.average or AveragedModel(module.net)
            self.average.update_parameters(module.net)


def without_dropout(**parts: Any) -> Tagger:
    tagger = toy.tagger(**parts)
    for module in tagger.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # so that the statistics do not depend on where they are computed
    return tagger


@pytest.mark.parametrize(
    ("epochs", "share", "settings", "first"),
    [(4, 0.5, {}, 2), (5, 0.2, {}, 4), (6, 0.5, {"max_steps": 10}, 3)],
    ids=["half", "last", "ended early"],
)
def test_the_net_becomes_torch_s_average_with_torch_s_batch_norm_statistics(
    tmp_path: Path, epochs: int, share: float, settings: dict[str, Any], first: int
) -> None:
    theirs, trained = Record(first), without_dropout()
    toy.fit(trained, tmp_path, theirs, LastEpochsMean(share), epochs=epochs, **settings)
    assert theirs.average is not None
    update_bn((batch.mel.float() for batch in toy.TRAIN), theirs.average)
    last = Tagger.load_from_checkpoint(tmp_path / LAST)
    for name, expected in theirs.average.module.state_dict().items():
        torch.testing.assert_close(last.net.state_dict()[name], expected, rtol=1e-5, atol=1e-6, msg=name)
    assert toy.same(last.state_dict(), trained.state_dict())
    assert not last.is_fitted  # the pass with which a run ends fits them
    assert set(theirs.rates) == {0.05}  # the schedule is untouched


def test_until_the_end_a_checkpoint_holds_its_epoch_s_own_weights(tmp_path: Path) -> None:
    plain, averaged = toy.tagger(), toy.tagger()
    for tagger, callbacks in ((plain, []), (averaged, [LastEpochsMean(0.5)])):
        with pytest.raises(toy.KilledError):
            toy.fit(tagger, tmp_path / str(len(callbacks)), *callbacks, toy.Kill(3), epochs=4)
    states = [torch.load(tmp_path / name / LAST, weights_only=True)["state_dict"] for name in ("0", "1")]
    assert toy.same(*states)
    assert states[0]["thresholds"].isfinite().all()


@pytest.mark.parametrize("killed_in", [1, 2, 3])
def test_averaging_resumes_to_the_same_last_bit(tmp_path: Path, killed_in: int) -> None:
    whole, half, rest = (toy.tagger() for _ in range(3))
    toy.fit(whole, tmp_path / "whole", LastEpochsMean(0.5), epochs=4)
    with pytest.raises(toy.KilledError):
        toy.fit(half, tmp_path / "half", LastEpochsMean(0.5), toy.Kill(killed_in), epochs=4)
    toy.fit(rest, tmp_path / "half", LastEpochsMean(0.5), epochs=4, resume=tmp_path / "half" / LAST)
    assert toy.same(whole.state_dict(), rest.state_dict())


def test_a_run_that_ended_early_goes_on_from_its_own_weights_and_not_from_their_mean(tmp_path: Path) -> None:
    whole, early, rest = (toy.tagger() for _ in range(3))
    toy.fit(whole, tmp_path / "whole", LastEpochsMean(0.75), epochs=4)
    toy.fit(early, tmp_path / "early", LastEpochsMean(0.75), epochs=4, max_steps=6)  # of 8
    toy.fit(rest, tmp_path / "early", LastEpochsMean(0.75), epochs=4, resume=tmp_path / "early" / LAST)
    assert toy.same(whole.state_dict(), rest.state_dict())


@pytest.mark.parametrize(("before", "after"), [(2, 4), (3, 4)])
def test_a_run_that_is_extended_averages_the_epochs_that_are_its_last_now(
    tmp_path: Path, before: int, after: int
) -> None:
    whole, short, longer = (toy.tagger() for _ in range(3))
    toy.fit(whole, tmp_path / "whole", LastEpochsMean(0.25), epochs=after)
    toy.fit(short, tmp_path / "short", LastEpochsMean(0.25), epochs=before)
    toy.fit(longer, tmp_path / "short", LastEpochsMean(0.25), epochs=after, resume=tmp_path / "short" / LAST)
    assert toy.same(whole.state_dict(), longer.state_dict())


def test_an_extended_run_says_which_epochs_its_mean_can_no_longer_have(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.fit(toy.tagger(), tmp_path, LastEpochsMean(0.5), epochs=3)  # epochs 2 and 3
    toy.fit(toy.tagger(), tmp_path, LastEpochsMean(0.5), epochs=4, resume=tmp_path / LAST)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("songmood")]
    assert said == ["averaging: the mean begins with epoch 4, not 3: it held some that are not among the last now"]
    [kept] = [each["mean"] for each in torch.load(tmp_path / LAST)["callbacks"].values() if "mean" in each]
    assert kept["n_averaged"] == 1


def test_a_run_that_ends_before_the_averaged_epochs_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    toy.fit(toy.tagger(), tmp_path, LastEpochsMean(0.25), epochs=4, max_steps=2)
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["averaging: the run ended before epoch 4, the first that is averaged: its weights are as trained"]


def test_the_statistics_are_of_windows_that_nobody_augmented(tmp_path: Path) -> None:
    class Loud(torch.nn.Module):
        def forward(self, mel: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return mel + 1000, target

    trained = without_dropout(augment=Loud())
    toy.fit(trained, tmp_path, LastEpochsMean(1.0), epochs=1)
    expected = torch.cat([trained.net.blocks[0].conv(batch.mel.float()).detach() for batch in toy.TRAIN])
    assert trained.net.blocks[0].norm.running_mean is not None
    difference = trained.net.blocks[0].norm.running_mean - expected.mean((0, 2, 3))
    assert difference.abs().max() < 1.0  # batches of 8 and 6 windows weigh alike


@pytest.mark.parametrize("share", [0.0, 1.5, "abc"])
def test_an_impossible_share_is_refused(share: Any) -> None:
    with pytest.raises(ConfigError, match=f"averaging.share={share!r}: expected more than 0 and at most 1"):
        LastEpochsMean(share)
