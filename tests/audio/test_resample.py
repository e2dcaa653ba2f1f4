import numpy as np
import pytest
import samplerate
from hypothesis import example, given
from hypothesis import strategies as st

from songmood.audio.resample import LinearResampler

RATES = [2_000, 6_000, 8_000, 11_025, 11_999, 12_001, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]


def in_blocks(samples: np.ndarray, source: int, target: int, size: int) -> np.ndarray:
    resample = LinearResampler(source, target)
    return np.concatenate([resample(samples[at : at + size]) for at in range(0, len(samples), size)])


def noise(num_samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(num_samples).astype(np.float32)


@pytest.mark.parametrize("size", [777, 16_384, 10**9])
@pytest.mark.parametrize("rate", RATES)
def test_any_blocks_give_what_libsamplerate_gives_for_the_whole(rate: int, size: int) -> None:
    samples = noise(3 * rate)
    expected = samplerate.resample(samples, float(np.float32(12_000 / rate)), "linear")
    resampled = in_blocks(samples, rate, 12_000, size)
    assert resampled.dtype == np.float32
    assert len(resampled) == len(expected)
    np.testing.assert_allclose(resampled, expected, atol=2e-6)


@given(st.integers(1_000, 50_000), st.integers(1_000, 50_000), st.integers(1, 3_000), st.integers(1, 500))
@example(8_000, 12_000, 3_000, 1)
@example(16_000, 12_000, 3_000, 4)
def test_blocks_leave_no_seams(source: int, target: int, num_samples: int, size: int) -> None:
    samples = noise(num_samples)
    whole = in_blocks(samples, source, target, num_samples)
    np.testing.assert_allclose(in_blocks(samples, source, target, size), whole, atol=1e-6)


@given(st.integers(1_000, 50_000), st.integers(1, 5_000))
def test_there_are_as_many_samples_as_fit_in_the_duration(rate: int, num_samples: int) -> None:
    if rate == 12_000:
        return
    count = len(in_blocks(noise(num_samples), rate, 12_000, 400))
    assert count == pytest.approx(num_samples * 12_000 / rate, abs=1.001)


def test_half_the_rate_takes_every_other_sample_a_sample_late() -> None:
    np.testing.assert_array_equal(in_blocks(np.arange(8, dtype=np.float32), 2_000, 1_000, 3), [0.0, 1.0, 3.0, 5.0])


def test_twice_the_rate_puts_a_mean_between_two_samples() -> None:
    doubled = in_blocks(np.array([0.0, 2.0, 8.0], dtype=np.float32), 1_000, 2_000, 2)
    np.testing.assert_array_equal(doubled, [0.0, 0.0, 0.0, 1.0, 2.0, 5.0])


def test_equal_rates_pass_the_samples_on() -> None:
    samples = noise(100)
    np.testing.assert_array_equal(in_blocks(samples, 12_000, 12_000, 7), samples)


def test_a_ramp_stays_a_ramp_after_an_hour() -> None:
    resample = LinearResampler(44_100, 12_000)
    for _ in range(3_600):
        last = resample(np.zeros(44_100, dtype=np.float32))
    ramp = resample(np.arange(44_100, dtype=np.float32))
    assert len(last) in (12_000, 12_001)
    np.testing.assert_allclose(np.diff(ramp[2:]), 3.675, atol=0.005)  # float32 at 44,100 is good to 0.004


def test_a_caller_may_reuse_its_buffer() -> None:
    samples = noise(3_000)
    resample, buffer, parts = LinearResampler(12_001, 12_000), np.empty(500, dtype=np.float32), []
    for at in range(0, 3_000, 500):
        buffer[:] = samples[at : at + 500]
        parts.append(resample(buffer))
    np.testing.assert_array_equal(np.concatenate(parts), in_blocks(samples, 12_001, 12_000, 500))
