"""Augmentations do to windows and targets what they say, and repeat it from the same seed."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from songmood.errors import ConfigError
from songmood.models.augment.chain import Chain
from songmood.models.augment.level import ColouredNoise, Gain
from songmood.models.augment.mixup import Mixup
from songmood.models.augment.shift import FrameShift
from songmood.models.augment.spec_augment import SpecAugment
from songmood.models.parts.standardiser import InputStandardiser

PARTS = {
    "mixup": Mixup(),
    "mixup of samples": Mixup(1.0, per_sample=True, keep_larger=True),
    "spec_augment": SpecAugment(),
    "gain": Gain(),
    "noise": ColouredNoise(),
    "shift": FrameShift(),
}


def windows(count: int = 6, frames: int = 40) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(1)
    mel = torch.randn(count, 1, 96, frames, generator=random) * 10 - 40
    return mel, (torch.rand(count, 3, generator=random) < 0.4).float()


@pytest.mark.parametrize("name", PARTS)
def test_the_same_seed_gives_the_same_batch_and_another_seed_another(name: str) -> None:
    mel, target = windows()
    made = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        made.append(PARTS[name](mel.clone(), target.clone()))
    assert torch.equal(made[0][0], made[1][0])
    assert not torch.equal(made[0][0], made[2][0])
    assert made[0][0].shape == mel.shape
    assert made[0][1].shape == target.shape


@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize("keep_larger", [False, True])
def test_mixup_mixes_targets_by_the_weights_of_the_windows(per_sample: bool, keep_larger: bool) -> None:
    torch.manual_seed(0)
    count = 64
    mel = torch.eye(count)[:, None, None, :].expand(-1, 1, 96, -1)  # frame i says how much of window i is in
    target = torch.eye(count)
    mixed, targets = Mixup(0.8, per_sample=per_sample, keep_larger=keep_larger)(mel, target)
    torch.testing.assert_close(mixed[:, 0, 0], targets)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(count))
    own = targets.diagonal()
    mixed_with_another = own[own < 1]
    assert (len(mixed_with_another.unique()) == 1) != per_sample
    assert (mixed_with_another >= 0.5).all() or not keep_larger
    assert not per_sample or keep_larger or (mixed_with_another < 0.5).any()


def test_the_weights_of_mixup_are_those_of_a_beta_distribution() -> None:
    torch.manual_seed(2)
    mel, target = torch.zeros(4000, 1, 1, 1), torch.eye(2).repeat(2000, 1)
    _, targets = Mixup(0.2, per_sample=True)(mel, target)
    weights = targets[(targets > 0) & (targets < 1)].double()  # of pairs with other targets
    assert weights.mean().item() == pytest.approx(0.5, abs=0.02)
    assert weights.var().item() == pytest.approx(0.25 / (2 * 0.2 + 1), abs=0.01)


def test_masks_are_stretches_of_whole_bands_and_frames_filled_with_the_mean() -> None:
    torch.manual_seed(3)
    mel, target = windows(count=200, frames=50)
    masked, same = SpecAugment(masks=1, bands=0.25, frames=0.5)(mel, target)
    assert torch.equal(same, target)
    mean = mel.mean(dim=(1, 2, 3), keepdim=True)
    is_masked = (masked == mean)[:, 0]
    assert torch.equal(torch.where(is_masked[:, None], mel, masked), mel)
    bands, frames = is_masked.all(dim=2), is_masked.all(dim=1)
    assert torch.equal(is_masked, bands[:, :, None] | frames[:, None, :])
    for drawn, longest in ((bands, 24), (frames, 25)):
        assert (drawn.int().diff(dim=1) == 1).sum(dim=1).max() <= 1  # one stretch
        assert drawn.sum(dim=1).max() <= longest
        assert drawn.any(dim=0).float().mean() > 0.95  # anywhere
        assert 0.3 < drawn.any(dim=1).float().mean() < 0.6  # none or one


def test_a_window_is_masked_as_often_as_said() -> None:
    torch.manual_seed(4)
    mel, target = windows(count=400)
    masked, _ = SpecAugment(masks=3, probability=0.5)(mel, target)
    share = (masked != mel).flatten(1).any(dim=1).float().mean().item()
    assert share == pytest.approx(0.5 * (1 - 1 / 16), abs=0.08)  # both kinds draw none in one of sixteen


def test_a_gain_of_six_decibels_is_twelve_on_the_data_set_s_scale() -> None:
    torch.manual_seed(5)
    mel, target = windows(count=300)
    change = Gain(6.0)(mel, target)[0] - mel
    assert change.flatten(1).std(dim=1).max() < 1e-4
    levels = change[:, 0, 0, 0]
    assert 11 < levels.abs().max() <= 12
    assert levels.min() < 0 < levels.max()


def test_noise_has_the_level_and_the_tilt_that_it_says() -> None:
    torch.manual_seed(6)
    silence = torch.full((1, 1, 96, 20_000), -200.0)
    silence[..., :10] = -40.0  # a mean power of 10 in 20,000 frames of 10^-2
    noisy = ColouredNoise(loudest=20.0, softest=20.0, tilt=0.0)(silence, torch.zeros(1, 1))[0]
    power = 10 ** (noisy[..., 10:].double() / 20)
    expected = 10**-2 * 10 / 20_000 / 100  # 20 decibels under that
    assert power.mean().item() == pytest.approx(expected, rel=0.02)
    assert power.std().item() == pytest.approx(expected, rel=0.03)  # an exponential distribution's
    tilted = ColouredNoise(loudest=20.0, softest=20.0, tilt=30.0)(silence, torch.zeros(1, 1))[0][..., 10:]
    level = 10 * np.log10((10 ** (tilted.double().numpy() / 20)).mean(axis=-1).flatten())
    slope = np.diff(level).mean()
    assert 0 < abs(slope) <= 30 / 95 * 1.02
    assert np.abs(np.diff(level) - slope).max() < 0.5


def test_tilted_noise_is_as_loud_as_white_noise() -> None:
    torch.manual_seed(9)
    sound = torch.zeros(8, 1, 96, 2000)  # a power of 1
    noisy = ColouredNoise(loudest=10.0, softest=10.0, tilt=20.0)(sound, torch.zeros(8, 1))[0]
    noise = 10 ** (noisy.double() / 20) - 1
    np.testing.assert_allclose(noise.mean(dim=(1, 2, 3)), 0.1, rtol=0.03)  # 10 decibels under the sound
    ends = noise[:, 0, [0, -1]].mean(dim=2)
    assert (ends[:, 0] / ends[:, 1]).log10().abs().max() > 1.5  # 15 decibels or more: some tilt is steep


def test_noise_only_adds() -> None:
    mel, target = windows()
    assert (ColouredNoise()(mel, target)[0] >= mel - 1e-3).all()


def test_a_shift_moves_each_window_round_by_its_own_number_of_frames() -> None:
    torch.manual_seed(7)
    mel, target = windows(count=50)
    shifted, _ = FrameShift(3)(mel, target)
    found = set()
    for before, after in zip(mel, shifted, strict=True):
        found |= {step for step in range(-5, 6) if torch.equal(before.roll(step, dims=-1), after)}
    assert found == set(range(-3, 4))


def test_a_chain_does_one_after_the_other_and_leaves_out_what_was_taken_away() -> None:
    mel, target = windows()

    class Add(nn.Module):
        def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
            return mel + 1, target

    class Double(nn.Module):
        def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
            return mel * 2, target

    torch.testing.assert_close(Chain(add=Add(), gone=None, double=Double())(mel, target)[0], (mel + 1) * 2)


def test_values_of_a_part_that_is_not_chosen_are_refused() -> None:
    refused = (
        r"^augment\.mixup=\{'alpha': 0\.3\}: expected an augmentation; choose it too, as augment=\[mixup,\.\.\.\]$"
    )
    with pytest.raises(ConfigError, match=refused):
        Chain(gain=Gain(), mixup={"alpha": 0.3})


def test_an_impossible_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^augment\.noise\.loudest=50\.0: expected no more than softest=40\.0"):
        ColouredNoise(loudest=50.0)
    for part, name, key, values in (
        (Mixup, "mixup", "alpha", (0.0, 0.001, math.nan, "abc")),
        (SpecAugment, "spec_augment", "bands", (2.0, "abc")),
        (SpecAugment, "spec_augment", "masks", (-1, 2.5)),
        (Gain, "gain", "decibels", (-1, math.inf, "abc")),
        (ColouredNoise, "noise", "softest", ("abc",)),
        (ColouredNoise, "noise", "tilt", (-1, "abc")),
        (FrameShift, "shift", "frames", (-5, 1.5)),
    ):
        for value in values:
            with pytest.raises(ConfigError, match=rf"^augment\.{name}\.{key}={value!r}: expected "):
                part(**{key: value})


def test_windows_are_standardised_by_the_mean_and_deviation_of_all_their_values() -> None:
    batches = [windows(4)[0].half(), windows(3, 17)[0].half()]
    values = np.concatenate([batch.double().flatten().numpy() for batch in batches])
    standardiser = InputStandardiser()
    standardiser.fit(iter(batches))
    assert standardiser.mean.item() == pytest.approx(values.mean(), rel=1e-6)
    assert standardiser.std.item() == pytest.approx(values.std(), rel=1e-6)
    expected = (batches[0].float() - values.mean()) / values.std()
    torch.testing.assert_close(standardiser(batches[0].float()), expected.float())
    silent = InputStandardiser()
    silent.fit([torch.full((2, 3), -200.0)])
    assert silent(torch.full((1,), -200.0)).item() == 0
