import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songmood.audio import tempo as module
from songmood.audio.mel import MelSpectrogram
from songmood.audio.tempo import TEMPO_RANGE, onset_rate, onset_strength, tempo

RATE = 12_000
FPS = 46.875


def clicks(beats_per_minute: float, seconds: float = 20.0, offset: float = 0.1) -> np.ndarray:
    """Short bursts of noise, as a metronome's, over faint noise."""
    random = np.random.default_rng(0)
    samples = 1e-4 * random.standard_normal(int(seconds * RATE))
    burst = 0.5 * random.standard_normal(600) * np.exp(-np.arange(600) / 100)
    for beat in np.arange(offset, seconds - 0.1, 60 / beats_per_minute):
        start = int(beat * RATE)
        samples[start : start + 600] += burst
    return samples.astype(np.float32)


def strength_of(samples: np.ndarray) -> np.ndarray:
    return onset_strength(MelSpectrogram()(samples))


@pytest.mark.parametrize("bpm", [70, 80, 90, 100, 111, 120, 128, 140, 150, 160])
def test_a_metronomes_tempo_is_found_within_two_percent(bpm: int) -> None:
    found, clarity = tempo(strength_of(clicks(bpm)), FPS)
    assert found == pytest.approx(bpm, rel=0.02)
    assert clarity > 0.85


@pytest.mark.parametrize("bpm", [40, 240])
def test_a_tempo_out_of_range_is_found_as_its_double_or_half(bpm: int) -> None:
    assert tempo(strength_of(clicks(bpm)), FPS)[0] == pytest.approx(120 if bpm == 240 else 80, rel=0.02)


def test_irregular_clicks_have_less_clarity_than_regular_ones() -> None:
    random = np.random.default_rng(1)
    samples = np.zeros(20 * RATE, dtype=np.float32)
    for start in random.integers(0, len(samples) - 600, 40):
        samples[start : start + 600] += 0.5 * random.standard_normal(600).astype(np.float32)
    assert tempo(strength_of(samples), FPS)[1] < 0.4 < tempo(strength_of(clicks(120)), FPS)[1]


def test_a_slow_swell_is_no_beat() -> None:
    seconds = np.arange(20 * RATE) / RATE
    swell = np.sin(2 * np.pi * 0.05 * seconds) ** 2 * np.random.default_rng(0).standard_normal(len(seconds))
    assert tempo(strength_of(swell.astype(np.float32)), FPS)[1] < 0.1


@pytest.mark.parametrize("num_frames", [0, 1, 2, 5, 20])
def test_silence_and_very_short_signals_have_no_tempo(num_frames: int) -> None:
    assert tempo(np.zeros(num_frames, dtype=np.float32), FPS) == (0.0, 0.0)
    assert onset_rate(np.zeros(num_frames, dtype=np.float32), FPS) == 0.0


@settings(max_examples=40)
@given(st.lists(st.floats(0, 100, width=32), max_size=400))
def test_any_strength_has_a_tempo_in_range_and_a_clarity_from_zero_to_one(strength: list[float]) -> None:
    found, clarity = tempo(np.array(strength, dtype=np.float32), FPS)
    assert found == 0.0 or TEMPO_RANGE[0] - 1e-6 <= found <= TEMPO_RANGE[1] + 1e-6
    assert 0.0 <= clarity <= 1.0
    assert (found == 0.0) == (clarity == 0.0)


def test_each_click_is_one_onset() -> None:
    samples = clicks(120, seconds=20.0)  # the first at 0.1 s, the last at 19.6 s
    assert onset_rate(strength_of(samples), FPS) == pytest.approx(40 / 20.0, rel=0.05)


def test_a_held_tone_has_one_onset() -> None:
    seconds = np.arange(10 * RATE) / RATE
    fade = np.clip(10.0 - seconds, 0.0, 1.0)  # the edge of a tone cut off would be an onset too
    tone = np.where(seconds > 1.0, 0.5 * np.sin(2 * np.pi * 440 * seconds), 0.0) * fade
    tone = tone.astype(np.float32)
    assert onset_rate(strength_of(tone), FPS) == pytest.approx(0.1, abs=0.01)


def test_the_strength_is_the_mean_rise_in_decibels() -> None:
    mel = np.array([[0.0, 0.0], [20.0, -10.0], [20.0, 30.0]], dtype=np.float32)  # twice the decibels
    np.testing.assert_allclose(onset_strength(mel), [5.0, 10.0])


def test_what_is_sixty_decibels_under_the_loudest_does_not_rise() -> None:
    mel = np.array([[0.0, -200.0], [0.0, -121.0], [0.0, -110.0]], dtype=np.float32)
    np.testing.assert_allclose(onset_strength(mel), [0.0, 2.5])


def test_chunks_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    mel = MelSpectrogram()(clicks(100, seconds=3.0))
    whole = onset_strength(mel)
    assert len(whole) == len(mel) - 1
    monkeypatch.setattr(module, "CHUNK_FRAMES", 7)
    np.testing.assert_array_equal(onset_strength(mel), whole)


def test_a_peak_of_two_equal_frames_is_one_onset() -> None:
    strength = np.zeros(94, dtype=np.float32)  # two seconds
    strength[40:42] = 5.0
    assert onset_rate(strength, 47.0) == pytest.approx(0.5)
