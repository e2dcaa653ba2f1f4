"""The tagger trains what is to be trained, scores from its checkpoint alone, and says when a loss is lost."""

from functools import partial
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

import toy_training as toy
from songmood.errors import CheckpointError, TrainingError
from songmood.training.checkpoints import LAST
from songmood.training.optimisation.optimiser import with_fused_update
from songmood.training.speed import Speed
from songmood.training.tagger import Tagger


class Tempered(nn.Module):
    """A loss with a parameter: the logits' scale."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits * self.scale, target)


def test_a_loss_with_tensors_of_its_own_does_not_keep_a_checkpoint_from_scoring(tmp_path: Path) -> None:
    trained = toy.tagger(nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0, 3.0])))
    toy.fit(trained, tmp_path)
    state = torch.load(tmp_path / LAST, weights_only=True)["state_dict"]
    assert state["loss.pos_weight"].tolist() == [2.0, 3.0]
    scorer = Tagger(toy.CARD.make_net(), toy.CARD)
    scorer.load_state_dict(state)
    assert torch.equal(scorer.thresholds, trained.thresholds)


def test_a_loss_with_a_parameter_is_trained_and_resumed_as_the_net_is(tmp_path: Path) -> None:
    whole, half, rest = (toy.tagger(Tempered(), partial(torch.optim.Adam, lr=0.01)) for _ in range(3))
    toy.fit(whole, tmp_path / "whole", epochs=2)
    toy.fit(half, tmp_path / "half", epochs=1)
    toy.fit(rest, tmp_path / "rest", epochs=2, resume=tmp_path / "half" / LAST)
    assert whole.loss.scale.item() not in (1.0, half.loss.scale.item())  # type: ignore[union-attr]
    assert toy.same(whole.state_dict(), rest.state_dict())


@pytest.mark.parametrize("settings", [{}, {"check_val_every_n_epoch": 3}], ids=["validated", "never validated"])
def test_a_lost_loss_is_said_with_its_epoch_and_the_first_suspect(tmp_path: Path, settings: dict) -> None:
    lost = toy.tagger(optimiser=partial(torch.optim.SGD, lr=1e30))
    with pytest.raises(
        TrainingError, match=r"lost in epoch 1: it is nan\. .* learning rate, optimizer\.lr=1e\+30: try"
    ):
        toy.fit(lost, tmp_path, **settings)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD", "Adagrad"])
def test_an_optimiser_that_knows_a_fused_update_gets_it(name: str) -> None:
    parameter = nn.Parameter(torch.ones(2))
    made = with_fused_update(partial(getattr(torch.optim, name), lr=0.1))([parameter])
    assert made.param_groups[0]["fused"] is True


def test_an_optimiser_without_a_fused_update_or_with_a_will_of_its_own_is_left_alone() -> None:
    for factory in (partial(torch.optim.RAdam, lr=0.1), partial(torch.optim.Adam, foreach=True), torch.optim.LBFGS):
        assert with_fused_update(factory) is factory
    assert with_fused_update(partial(torch.optim.Adam, fused=False)).keywords == {"fused": False}  # type: ignore[attr-defined]


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_gradients_are_clipped_in_every_precision(tmp_path: Path, precision: str) -> None:
    speed = Speed(precision=precision)
    adam = speed.optimiser(partial(torch.optim.Adam, lr=1e-3), clips_gradients=True)
    trained = toy.tagger(optimiser=adam)
    norms = []

    class Watch(pl.Callback):
        def on_before_zero_grad(self, *args: object) -> None:
            gradients = [parameter.grad for parameter in trained.net.parameters() if parameter.grad is not None]
            norms.append(float(nn.utils.get_total_norm(gradients)) if gradients else 0.0)

    toy.fit(trained, tmp_path, Watch(), precision=precision, gradient_clip_val=1e-3)
    assert max(norms) == pytest.approx(1e-3, rel=1e-2)
    assert ("fused" in adam.keywords) == (precision == "32-true")  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    toy.fit(toy.tagger(nn.BCEWithLogitsLoss(pos_weight=torch.ones(2))), folder)
    return folder / LAST


def test_a_tagger_comes_back_from_its_checkpoint_alone_and_scores_plain_tensors(checkpoint: Path) -> None:
    tagger = Tagger.load_from_checkpoint(checkpoint)
    batch = toy.VALIDATION[0]
    expected = tagger(batch)
    assert tagger.is_fitted
    assert not tagger.training
    assert torch.equal(tagger(batch.mel), expected)
    assert torch.equal(tagger(batch.mel[:, 0]), expected)


def test_a_checkpoint_that_names_other_code_or_holds_another_net_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    strange = content | {"songmood": content["songmood"] | {"model": {"_target_": "os.system", "command": "true"}}}
    torch.save(strange, tmp_path / "strange.ckpt")
    with pytest.raises(CheckpointError, match=r"os\.system"):
        Tagger.load_from_checkpoint(tmp_path / "strange.ckpt")
    content["state_dict"]["net.head.out.bias"] = torch.zeros(3)
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(CheckpointError, match=r"other\.ckpt does not hold the weights of its net: .*bias"):
        Tagger.load_from_checkpoint(tmp_path / "other.ckpt")


def test_a_checkpoint_of_before_there_was_a_scale_loads_without_one(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    assert content["state_dict"]["quantiles"].isfinite().all()
    for name in ("track_thresholds", "quantiles"):
        del content["state_dict"][name]
    torch.save(content, tmp_path / "old.ckpt")
    old = Tagger.load_from_checkpoint(tmp_path / "old.ckpt")
    assert old.is_fitted
    assert old.quantiles.isnan().all()


def test_predicting_gives_tracks_scores_and_decisions(checkpoint: Path, tmp_path: Path) -> None:
    tagger = Tagger.load_from_checkpoint(checkpoint)
    predictions = toy.trainer(tmp_path).predict(tagger, toy.Loader(toy.VALIDATION))
    scores = torch.cat([prediction.scores for prediction in predictions])
    with torch.no_grad():
        expected = torch.cat([tagger(batch).sigmoid() for batch in toy.VALIDATION])
    torch.testing.assert_close(scores, expected)
    decisions = torch.cat([prediction.decisions for prediction in predictions])
    assert torch.equal(decisions, scores >= tagger.thresholds)
    assert sum((prediction.tracks for prediction in predictions), ()) == tuple("012345678")
