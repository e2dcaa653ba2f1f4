"""Thresholds belong to the weights that they were fitted for, in memory and in every checkpoint."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging, StochasticWeightAveraging

import toy_training as toy
from songmood.evaluation.rules import Elbow
from songmood.training.checkpoints import LAST, keep_state
from songmood.training.tagger import Tagger


def fitted_on_its_own_scores(tagger: Tagger) -> list[float]:
    """The elbow of the validation scores that the tagger's weights give, computed without Lightning."""
    tagger.eval()
    with torch.no_grad():
        scores = torch.cat([tagger(batch).sigmoid() for batch in toy.VALIDATION]).double().numpy()
    targets = torch.cat([batch.target for batch in toy.VALIDATION]).bool().numpy()
    thresholds = torch.from_numpy(Elbow().fit(scores, targets)).float()
    return thresholds.tolist()


def loaded(path: Path) -> Tagger:
    tagger = Tagger(toy.CARD.make_net(), toy.CARD)
    tagger.load_state_dict(torch.load(path, weights_only=True)["state_dict"])
    return tagger


def test_each_epoch_s_checkpoint_holds_thresholds_of_its_own_weights(tmp_path: Path) -> None:
    toy.fit(toy.tagger(), tmp_path)
    last = loaded(tmp_path / LAST)
    assert last.thresholds.tolist() == fitted_on_its_own_scores(last)


@pytest.mark.parametrize(
    "settings",
    [
        {"check_val_every_n_epoch": 2, "epochs": 3},
        {"max_steps": 1},
        {"limit_val_batches": 0},
        {"val_check_interval": 1},
    ],
    ids=str,
)
def test_weights_that_were_not_validated_have_no_thresholds_until_a_final_pass(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    trained = toy.tagger()
    trainer = toy.fit(trained, tmp_path, **settings)
    is_validated = "val_check_interval" in settings  # after each of the two steps of an epoch
    assert trained.is_fitted == loaded(tmp_path / LAST).is_fitted == is_validated
    trainer.limit_val_batches = 1.0
    trainer.validate(trained, toy.Loader(toy.VALIDATION), verbose=False)
    keep_state(tmp_path / LAST, trained.state_dict())
    last = loaded(tmp_path / LAST)
    assert last.thresholds.tolist() == trained.thresholds.tolist() == fitted_on_its_own_scores(last)


def test_a_checkpoint_that_holds_what_was_scored_is_left_alone(tmp_path: Path) -> None:
    trained = toy.tagger()
    toy.fit(trained, tmp_path)
    before = (tmp_path / LAST).stat()
    keep_state(tmp_path / LAST, trained.state_dict())
    assert (tmp_path / LAST).stat().st_mtime_ns == before.st_mtime_ns
    with torch.no_grad():
        trained.net.head.out.bias.add_(1.0)
    keep_state(tmp_path / LAST, trained.state_dict())
    assert toy.same(loaded(tmp_path / LAST).state_dict(), trained.state_dict())


def averaged(kind: str) -> pl.Callback:
    if kind == "ema":
        return EMAWeightAveraging(decay=0.5)
    return StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=2, annealing_epochs=1)


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_what_is_scored_and_saved_are_the_averaged_weights(tmp_path: Path, kind: str) -> None:
    trained, plain = toy.tagger(), toy.tagger()
    toy.fit(trained, tmp_path / kind, averaged(kind), epochs=3)
    toy.fit(plain, tmp_path / "plain", epochs=3)
    last = loaded(tmp_path / kind / LAST)
    assert toy.same(last.state_dict(), trained.state_dict())
    assert last.thresholds.tolist() == fitted_on_its_own_scores(last)
    assert not torch.equal(last.net.head.out.weight, plain.net.head.out.weight)


def test_an_exponential_average_is_the_one_of_its_definition(tmp_path: Path) -> None:
    steps: list[dict[str, torch.Tensor]] = []

    class Record(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, module: Any, *args: Any) -> None:
            steps.append({name: value.detach().clone() for name, value in module.net.named_parameters()})

    toy.fit(toy.tagger(), tmp_path, Record(), averaged("ema"))
    last = dict(loaded(tmp_path / LAST).net.named_parameters())
    assert len(steps) == 4
    for name, value in last.items():
        expected = steps[0][name]
        for step in steps[1:]:
            expected = 0.5 * expected + 0.5 * step[name]
        np.testing.assert_allclose(value.detach(), expected, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_averaging_resumes_to_the_same_last_bit(tmp_path: Path, kind: str) -> None:
    whole, half, rest = (toy.tagger() for _ in range(3))
    toy.fit(whole, tmp_path / "whole", averaged(kind), epochs=4)
    with pytest.raises(toy.KilledError):
        toy.fit(half, tmp_path / "half", averaged(kind), toy.Kill(epoch=2), epochs=4)
    toy.fit(rest, tmp_path / "rest", averaged(kind), epochs=4, resume=tmp_path / "half" / LAST)
    assert toy.same(loaded(tmp_path / "whole" / LAST).state_dict(), loaded(tmp_path / "rest" / LAST).state_dict())


@pytest.mark.parametrize(
    ("windows", "is_by_track"),
    [
        ({}, False),
        ({"validation_sampling": None, "test_sampling": {"_target_": "songmood.loading.windows.CentreWindow"}}, False),
        ({"validation_sampling": {"_target_": "songmood.loading.windows.AllWindows"}}, True),
        ({"test_sampling": {"_target_": "songmood.loading.windows.AllWindows"}}, True),
    ],
)
def test_thresholds_are_fitted_on_scores_that_were_aggregated_as_the_test_s_are(
    tmp_path: Path, windows: dict[str, Any], is_by_track: bool
) -> None:
    trained = toy.tagger(card=replace(toy.CARD, windows=toy.CARD.windows | windows))
    pairs = [batch._replace(track=batch.track // 2) for batch in toy.VALIDATION]  # two windows a track
    trainer = toy.trainer(tmp_path)
    trainer.validate(trained, toy.Loader(pairs), verbose=False)
    rows = trained.collected.gather()
    fits = [Elbow().fit(each.scores, each.targets) for each in (rows, rows.by_track())]
    assert not np.allclose(*fits)
    np.testing.assert_allclose(trained.thresholds, fits[is_by_track], rtol=1e-6)
    np.testing.assert_allclose(trained.track_thresholds, fits[1], rtol=1e-6)
    np.testing.assert_allclose(trained.quantiles[:, 50], np.median(rows.by_track().scores, axis=0), rtol=1e-6)


def test_a_tag_of_one_class_is_named_once_and_the_others_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.fit(toy.tagger(), tmp_path / "both")
    assert not any("never decided" in message for message in caplog.messages)
    silent = [batch._replace(target=batch.target * torch.tensor([1.0, 0.0])) for batch in toy.VALIDATION]
    toy.trainer(tmp_path, epochs=2).fit(toy.tagger(), toy.Loader(toy.TRAIN), toy.Loader(silent))
    said = [message for message in caplog.messages if "never decided" in message]
    assert said == ["never decided, for want of both classes in validation: loud"]
