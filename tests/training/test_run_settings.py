"""Settings of Lightning's that people use change what a run does, and nothing about what its results mean."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from songmood.errors import TrainingError
from songmood.evaluation.rules import Elbow
from songmood.training.card import ModelCard, read_checkpoint
from songmood.training.checkpoints import LAST
from songmood.training.tagger import Tagger
from tiny import train_here, write_corpus

EMA = "+callbacks.ema={_target_: pytorch_lightning.callbacks.EMAWeightAveraging, decay: 0.5}"
SWA = "+callbacks.swa={_target_: pytorch_lightning.callbacks.StochasticWeightAveraging, swa_lrs: 1.0e-3}"
SETTINGS = {
    "validation now and then": ("+trainer.check_val_every_n_epoch=2", "trainer.max_epochs=3"),
    "a number of steps": ("+trainer.max_steps=1",),
    "no validation": ("trainer.limit_val_batches=0",),
    "a part of validation": ("trainer.limit_val_batches=1", "data.evaluation_batch_size=4"),
    "moving average": (EMA, "report_epochs=[1]"),
    "stochastic averaging": (SWA, "report_epochs=[1]"),
    "clipping": ("+trainer.gradient_clip_val=1", "speed.precision=bf16-mixed"),
    "another optimiser": ("optimizer._target_=torch.optim.RAdam",),
    "accumulation": ("+trainer.accumulate_grad_batches=2",),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_results_are_the_checkpoint_s_with_thresholds_of_the_whole_validation(
    corpus: Path, tmp_path: Path, kind: str
) -> None:
    train_here(corpus, tmp_path, *SETTINGS[kind])
    places = [(tmp_path, tmp_path / "checkpoints" / LAST)]
    if "report_epochs=[1]" in SETTINGS[kind]:
        places.append((tmp_path / "epoch_01", tmp_path / "checkpoints" / "epoch-01.ckpt"))
    for folder, path in places:
        scores, targets = (np.load(folder / "validation" / f"{name}.npy") for name in ("predictions", "targets"))
        tagger = scorer(path)
        assert tagger.thresholds.tolist() == pytest.approx(Elbow().fit(scores, targets).tolist(), abs=1e-7)
        decisions = np.load(folder / "validation" / "decisions.npy")
        np.testing.assert_array_equal(decisions, scores >= tagger.thresholds.double().numpy())
        assert len(json.loads((folder / "metrics.json").read_text())["test"]["tags"]) == 3
    if len(places) == 2:
        assert not np.array_equal(*(np.load(folder / "predictions.npy") for folder, _ in places))


def scorer(path: Path) -> Tagger:
    checkpoint = read_checkpoint(path)
    card = ModelCard.from_plain(checkpoint[ModelCard.KEY], path)
    tagger = Tagger(card.make_net(), card)
    tagger.load_state_dict(checkpoint["state_dict"])
    return tagger


def test_a_rate_that_loses_the_loss_is_said_in_one_line(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the loss was lost in epoch 1: .* optimizer\.lr=1e\+30"):
        train_here(corpus, tmp_path, "optimizer.lr=1e30")
    assert torch.load(tmp_path / "checkpoints" / LAST, weights_only=True)["epoch"] == 0
