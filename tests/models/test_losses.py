"""Losses against their formulas, written out in NumPy, and what mixing targets does to them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from songmood.errors import ConfigError
from songmood.models.losses.distilled import DistilledBCE
from songmood.models.losses.focal import FocalLoss
from songmood.models.losses.smoothed import SmoothedBCE
from songmood.models.losses.weighted import ClassBalancedBCE, WeightedBCE

RNG = np.random.default_rng(0)
TAGS = ("mood/theme---calm", "mood/theme---dark", "mood/theme---happy", "mood/theme---sad")
LOGITS, TARGETS = RNG.normal(0, 3, (7, 4)), RNG.random((7, 4)) < 0.3
TRAINING = RNG.random((50, 4)) < np.array([0.5, 0.2, 0.04, 0.0])
SCORES = 1 / (1 + np.exp(-LOGITS))


def fitted(loss: nn.Module) -> nn.Module:
    if hasattr(loss, "fit"):
        loss.fit(torch.from_numpy(TRAINING))
    return loss


def value(loss: nn.Module, logits: np.ndarray, targets: np.ndarray) -> float:
    return loss(torch.from_numpy(logits), torch.from_numpy(targets.astype(float))).item()


def test_weighted_cross_entropy_is_its_formula() -> None:
    p = np.maximum(TRAINING.sum(0), 1) / 50
    positive, negative = -np.log(SCORES) / p, -np.log(1 - SCORES)
    expected = (2 / (1 + 1 / p) * np.where(TARGETS, positive, negative)).mean()
    assert value(fitted(WeightedBCE()), LOGITS, TARGETS) == pytest.approx(expected, rel=1e-6)


def test_class_balanced_cross_entropy_is_its_formula() -> None:
    weight = (1 - 0.9) / (1 - 0.9 ** np.maximum(TRAINING.sum(0), 1))
    plain = np.where(TARGETS, -np.log(SCORES), -np.log(1 - SCORES))
    expected = (weight / weight.mean() * plain).mean()
    assert value(fitted(ClassBalancedBCE(0.9)), LOGITS, TARGETS) == pytest.approx(expected, rel=1e-6)


def test_without_a_beta_all_tags_weigh_the_same() -> None:
    plain = value(nn.BCEWithLogitsLoss(), LOGITS, TARGETS)
    assert value(fitted(ClassBalancedBCE(0.0)), LOGITS, TARGETS) == pytest.approx(plain, rel=1e-6)


def test_focal_loss_is_its_formula_and_without_a_power_half_the_cross_entropy() -> None:
    right = np.where(TARGETS, SCORES, 1 - SCORES)
    expected = (-np.where(TARGETS, 0.25, 0.75) * (1 - right) ** 2 * np.log(right)).mean()
    assert value(FocalLoss(), LOGITS, TARGETS) == pytest.approx(expected, rel=1e-6)
    plain = value(nn.BCEWithLogitsLoss(), LOGITS, TARGETS)
    assert value(FocalLoss(0.5, 0.0), LOGITS, TARGETS) == pytest.approx(plain / 2, rel=1e-6)


def test_smoothing_draws_targets_towards_a_half() -> None:
    expected = np.where(TARGETS, 0.95, 0.05)
    plain = value(nn.BCEWithLogitsLoss(), LOGITS, expected)
    assert value(SmoothedBCE(0.1), LOGITS, TARGETS) == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("loss", [WeightedBCE(), ClassBalancedBCE(), FocalLoss(), SmoothedBCE()], ids=repr)
def test_the_loss_of_mixed_targets_is_the_mixture_of_the_losses(loss: nn.Module) -> None:
    other, weight = RNG.random((7, 4)) < 0.3, 0.3
    mixed = value(fitted(loss), LOGITS, weight * TARGETS + (1 - weight) * other)
    apart = weight * value(loss, LOGITS, TARGETS) + (1 - weight) * value(loss, LOGITS, other)
    assert mixed == pytest.approx(apart, rel=1e-9)


@pytest.mark.parametrize("loss", [WeightedBCE(), ClassBalancedBCE(), FocalLoss(), SmoothedBCE()], ids=repr)
def test_no_logit_is_so_far_off_that_the_loss_is_lost(loss: nn.Module) -> None:
    far = torch.tensor([[200.0, -200.0, 200.0, -200.0]], requires_grad=True)
    lost = fitted(loss)(far, torch.tensor([[0.0, 1.0, 1.0, 0.0]]))
    lost.backward()
    assert lost.isfinite()
    assert far.grad is not None
    assert far.grad.isfinite().all()


@pytest.mark.parametrize(
    ("kind", "key", "values"),
    [
        (SmoothedBCE, "smoothing", (5, -0.1, "abc", True)),
        (FocalLoss, "alpha", (3, "abc")),
        (FocalLoss, "gamma", (-1, "abc")),
        (ClassBalancedBCE, "beta", (1, 2, -0.1, np.nan)),
        (partial(DistilledBCE, "teacher.npz"), "share", (1.5, "abc")),
    ],
)
def test_a_setting_out_of_its_range_is_refused(kind: Callable[..., nn.Module], key: str, values: tuple[object]) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=rf"^loss\.{key}={value!r}: expected .*0 "):
            kind(**{key: value})


def test_a_beta_near_one_weighs_tags_by_the_inverse_of_their_count() -> None:
    inverse = 1 / np.maximum(TRAINING.sum(0), 1)
    weight = fitted(ClassBalancedBCE(0.999_999_99)).weight
    np.testing.assert_allclose(weight, inverse / inverse.mean(), rtol=1e-5)


def distilled(path: Path, scores: np.ndarray, share: float = 0.25) -> DistilledBCE:
    np.savez(path, track_id=[f"track_{row}" for row in range(len(scores))], vector=scores)
    loss = DistilledBCE(str(path), share)
    loss.fit_tracks([f"track_{row}" for row in reversed(range(len(scores)))], TAGS)
    return loss


def test_a_student_learns_from_labels_and_its_teacher_s_scores_of_the_same_track(tmp_path: Path) -> None:
    teacher = RNG.random((5, 4)).astype(np.float32)
    loss = distilled(tmp_path / "teacher.npz", teacher)
    labels, track = torch.from_numpy(TARGETS[:3].astype(np.float32)), torch.tensor([0, 4, 4])
    softened = loss.soften(labels, track)
    np.testing.assert_allclose(softened, 0.75 * labels.numpy() + 0.25 * teacher[[4, 0, 0]], rtol=1e-6)
    assert value(loss, LOGITS, TARGETS) == pytest.approx(value(nn.BCEWithLogitsLoss(), LOGITS, TARGETS), rel=1e-9)
    assert not loss.state_dict()  # the teacher stays at home


@pytest.mark.parametrize("scores", [np.ones((5, 3)), np.full((5, 4), 1.5), np.full((5, 4), np.nan)])
def test_a_teacher_without_a_score_for_each_tag_is_refused(tmp_path: Path, scores: np.ndarray) -> None:
    with pytest.raises(ConfigError, match=r"teacher.npz: . numbers from .* a track; expected 4 scores, 0 to 1"):
        distilled(tmp_path / "teacher.npz", scores)


def columns(path: Path, **scores: float) -> torch.Tensor:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"track_id": ["a"], **{name: [score] for name, score in scores.items()}}), path)
    loss = DistilledBCE(str(path))
    loss.fit_tracks(["a"], TAGS)
    return loss.scores


def test_a_teacher_s_columns_are_taken_by_the_names_of_the_tags(tmp_path: Path) -> None:
    expected = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    named = {"mood/theme---sad": 0.4, "happy": 0.3, "calm": 0.1, "mood/theme---dark": 0.2}
    torch.testing.assert_close(columns(tmp_path / "t.parquet", **named), expected)
    torch.testing.assert_close(columns(tmp_path / "t.parquet", d=0.1, c=0.2, b=0.3, a=0.4), expected)


def test_a_teacher_of_some_of_the_tags_is_refused(tmp_path: Path) -> None:
    for named, message in (
        ({"sad": 0.4, "happy": 0.3, "calm": 0.1, "drak": 0.2}, r"\(lacking: mood/theme---dark; other columns: drak\)"),
        ({"sad": 0.4, "happy": 0.3, "calm": 0.1}, r"\(lacking: mood/theme---dark; other columns: none\)"),
        ({**dict.fromkeys(TAGS, 0.5), "dark": 0.2}, r"expected each tag once and nothing else"),
    ):
        with pytest.raises(ConfigError, match=r"^loss\.teacher=.*t\.parquet: its columns .*" + message):
            columns(tmp_path / "t.parquet", **named)
