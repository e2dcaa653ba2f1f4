import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songmood.audio import features as module
from songmood.audio.features import AUDIO_FEATURES, audio_features, loudness, timbre
from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters

RATE = 12_000
TIME = np.arange(10 * RATE) / RATE
MEL = MelSpectrogram()


def features(samples: np.ndarray, parameters: MelParameters | None = None) -> dict[str, float]:
    samples = samples.astype(np.float32)
    mel = MelSpectrogram(parameters)(samples) if parameters else MEL(samples)
    values = audio_features(samples, mel, parameters)
    assert values.shape == (len(AUDIO_FEATURES),)
    assert values.dtype == np.float32
    return dict(zip(AUDIO_FEATURES, values.tolist(), strict=True))


def sine(hz: float, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * TIME)


def test_names_are_unique_and_grouped() -> None:
    assert len(set(AUDIO_FEATURES)) == len(AUDIO_FEATURES) == 13
    assert {name.split(".")[0] for name in AUDIO_FEATURES} == {"tempo", "rhythm", "loudness", "timbre", "tonal"}


def test_every_name_is_documented() -> None:
    assert module.__doc__ is not None
    assert all(f"\n{name} " in module.__doc__ for name in AUDIO_FEATURES)


def test_a_click_track_at_120_has_120_beats_per_minute_and_two_onsets_a_second() -> None:
    random = np.random.default_rng(0)
    samples = 1e-4 * random.standard_normal(len(TIME))
    for start in range(600, len(samples) - 600, RATE // 2):
        samples[start : start + 600] += 0.5 * random.standard_normal(600) * np.exp(-np.arange(600) / 100)
    found = features(samples)
    assert found["tempo.bpm"] == pytest.approx(120, rel=0.02)
    assert found["tempo.pulse_clarity"] > 0.8
    assert found["rhythm.onset_rate"] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(
    "parameters",
    [
        MelParameters(sample_rate=16_000),
        MelParameters(num_bands=64),
        MelParameters(sample_rate=44_100, frame_size=2_048, hop=512, num_bands=128),
        MelParameters(hop=64),
        MelParameters(sample_rate=2_000, frame_size=128, hop=64, num_bands=32),
    ],
    ids=str,
)
def test_other_mel_parameters_do_not_move_the_beat_the_onsets_or_a_tone_s_place(parameters: MelParameters) -> None:
    rate = parameters.sample_rate
    random, time = np.random.default_rng(0), np.arange(20 * rate) / rate
    burst = np.exp(-np.arange(rate // 20) * 120 / rate)
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) + 1e-4 * random.standard_normal(len(time))
    clicks = 1e-4 * random.standard_normal(len(time))
    for start in range(len(burst), len(clicks) - len(burst), rate // 2):
        clicks[start : start + len(burst)] += 0.5 * random.standard_normal(len(burst)) * burst
    beat, pure = features(clicks, parameters), features(tone, parameters)
    assert beat["tempo.bpm"] == pytest.approx(120, rel=0.02)
    assert beat["rhythm.onset_rate"] == pytest.approx(2.0, rel=0.05)
    assert pure["timbre.centroid"] == pytest.approx(440, abs=25)
    assert pure["tonal.key_strength"] > 0.4


@pytest.mark.parametrize("hz", [100.0, 440.0, 1000.0, 3000.0])
def test_a_pure_tone_has_its_own_frequency_as_centroid(hz: float) -> None:
    found = features(sine(hz))
    assert found["timbre.centroid"] == pytest.approx(hz, abs=25)
    assert found["timbre.brightness"] == pytest.approx(float(hz > 1500), abs=1e-3)
    assert found["timbre.bass"] == pytest.approx(float(hz < 200), abs=1e-3)
    assert found["timbre.flatness"] < -40


def test_white_noise_is_flat_with_half_the_band_as_centroid() -> None:
    found = features(0.1 * np.random.default_rng(0).standard_normal(len(TIME)))
    assert found["timbre.centroid"] == pytest.approx(3000, rel=0.03)
    assert found["timbre.brightness"] == pytest.approx(0.75, abs=0.02)
    assert -2.5 < found["timbre.flatness"] < 0.0
    assert found["loudness.level"] == pytest.approx(-20, abs=0.1)


def test_a_sine_has_its_level_and_a_crest_of_three_decibels() -> None:
    level, complexity, crest = loudness(sine(440).astype(np.float32), RATE)
    assert level == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert crest == pytest.approx(20 * np.log10(np.sqrt(2)), abs=0.01)
    assert complexity == pytest.approx(0.0, abs=1e-3)


def test_twice_the_amplitude_is_six_decibels_and_nothing_else() -> None:
    noise = np.random.default_rng(0).standard_normal(len(TIME)) * np.linspace(0.01, 0.1, len(TIME))
    soft, loud = features(noise), features(2 * noise)
    assert loud.pop("loudness.level") - soft.pop("loudness.level") == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert loud == pytest.approx(soft, rel=1e-3, abs=1e-3)


def test_dynamic_complexity_is_the_mean_deviation_of_the_levels() -> None:
    loud_then_soft = np.where(TIME < 5, sine(440, 0.5), sine(440, 0.05))  # 20 dB apart, each 10 dB from their mean
    assert loudness(loud_then_soft.astype(np.float32), RATE)[1] == pytest.approx(10.0, abs=0.05)


def test_samples_beyond_the_last_block_count_in_the_level() -> None:
    samples = np.zeros(3_000, dtype=np.float32)  # a block of 0.2 s is 2,400
    samples[2_400:] = 0.5
    assert loudness(samples, RATE)[0] == pytest.approx(10 * np.log10(0.25 * 600 / 3_000), abs=1e-4)


def test_chords_of_c_major_and_c_minor_differ_in_the_sign_of_the_mode() -> None:
    major = features(sum(sine(hz, 0.1) for hz in (261.63, 329.63, 392.00)))
    minor = features(sum(sine(hz, 0.1) for hz in (261.63, 311.13, 392.00)))
    assert major["tonal.mode"] > 0.1 > -0.1 > minor["tonal.mode"]
    assert min(major["tonal.key_strength"], minor["tonal.key_strength"]) > 0.7


@pytest.mark.parametrize("num_samples", [0, 1, 2, 255, 256, 257, 3_000, 100_000])
def test_silence_of_any_length_has_finite_features(num_samples: int) -> None:
    found = features(np.zeros(num_samples))
    assert found.pop("loudness.level") == -100.0
    assert found.pop("timbre.flatness") == -60.0
    assert set(found.values()) == {0.0}


@settings(max_examples=40)
@given(st.integers(1, 20_000), st.floats(1e-6, 1.0), st.integers(0, 1000))
def test_any_signal_has_finite_features_within_their_ranges(num_samples: int, amplitude: float, seed: int) -> None:
    found = features(np.random.default_rng(seed).uniform(-amplitude, amplitude, num_samples))
    assert np.isfinite(list(found.values())).all()
    assert 0 <= found["rhythm.onset_rate"] <= 12
    assert 0 <= found["tempo.pulse_clarity"] <= 1
    assert -100 <= found["loudness.level"] <= 0
    assert 0 <= found["loudness.crest"] <= 100
    assert 0 <= found["timbre.centroid"] <= 6000
    assert 0 <= found["timbre.bass"] + found["timbre.brightness"] <= 1.0001
    assert -60 <= found["timbre.flatness"] <= 0.001
    assert -2 <= found["tonal.mode"] <= 2


def test_the_same_track_has_the_same_features_bit_for_bit() -> None:
    samples = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)
    mel = MEL(samples)
    np.testing.assert_array_equal(audio_features(samples, mel), audio_features(samples.copy(), mel.copy()))


def test_chunks_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    mel = MEL(np.random.default_rng(0).standard_normal(20_000).astype(np.float32))
    whole = timbre(mel, MelParameters())
    monkeypatch.setattr(module, "CHUNK_FRAMES", 7)
    np.testing.assert_allclose(timbre(mel, MelParameters()), whole, rtol=1e-5)


def test_silent_frames_do_not_count_in_the_timbre() -> None:
    half = np.where(TIME < 5, sine(1000), 0.0).astype(np.float32)
    assert timbre(MEL(half), MelParameters())[0] == pytest.approx(1000, abs=25)
