"""Standardising features: statistics of the training tracks that travel with the weights."""

import pytest
import torch

from songmood.models.parts.features import FeatureStandardiser

NAN, INF = float("nan"), float("inf")


def test_values_worked_by_hand() -> None:
    standardiser = FeatureStandardiser(2)
    standardiser.fit(torch.tensor([[1.0, 10.0], [3.0, 20.0], [5.0, NAN], [7.0, 30.0]]))
    assert standardiser.mean.tolist() == [4.0, 20.0]
    torch.testing.assert_close(standardiser.std, torch.tensor([5.0**0.5, (200 / 3) ** 0.5]))
    out = standardiser(torch.tensor([[4.0 + 5.0**0.5, 20.0]]))
    torch.testing.assert_close(out, torch.tensor([[1.0, 0.0]]))


def test_absent_values_become_the_mean() -> None:
    standardiser = FeatureStandardiser(3)
    standardiser.fit(torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0]]))
    assert standardiser(torch.tensor([[NAN, INF, -INF]])).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("constant", [0.0, 0.1, -123.456, 1e6])
def test_a_constant_feature_cannot_explode(constant: float) -> None:
    standardiser = FeatureStandardiser(1)
    standardiser.fit(torch.full((1000, 1), constant))
    assert standardiser.std.item() == 1.0
    assert abs(standardiser(torch.tensor([[constant]])).item()) < 1e-6
    assert abs(standardiser(torch.tensor([[constant + 2.0]])).item() - 2.0) < 0.1


def test_a_small_but_real_spread_is_kept() -> None:
    standardiser = FeatureStandardiser(1)
    standardiser.fit(torch.tensor([[1e-6], [3e-6]]))
    torch.testing.assert_close(standardiser(torch.tensor([[3e-6]])), torch.tensor([[1.0]]))


def test_a_feature_that_no_track_has_is_zero() -> None:
    standardiser = FeatureStandardiser(2)
    standardiser.fit(torch.tensor([[NAN, 1.0], [NAN, 2.0]]))
    assert standardiser(torch.tensor([[NAN, 1.5], [0.5, 1.5]]))[:, 0].tolist() == [0.0, 0.5]


def test_statistics_travel_in_the_state_dict() -> None:
    fitted, fresh = FeatureStandardiser(4), FeatureStandardiser(4)
    assert not fresh.num_tracks
    fitted.fit(torch.randn(10, 4) * 3 + 1)
    fresh.load_state_dict(fitted.state_dict())
    assert fresh.num_tracks == 10
    features = torch.randn(2, 4)
    assert torch.equal(fresh(features), fitted(features))


def test_gradients_of_absent_features_are_no_nan() -> None:
    standardiser = FeatureStandardiser(2)
    features = torch.tensor([[NAN, 1.0]], requires_grad=True)
    standardiser(features).sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("shape", [(0, 3), (5, 2), (3,)])
def test_features_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 3\)"):
        FeatureStandardiser(3).fit(torch.zeros(shape))
