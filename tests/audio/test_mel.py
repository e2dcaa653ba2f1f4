import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from essentia_chain import essentia_mel
from songmood.audio import mel as module
from songmood.audio.mel import MelSpectrogram, mel_band_edges, mel_filterbank
from songmood.audio.parameters import MelParameters

RATE = 12_000
COMPARED_ABOVE_DB = -90.0
CLICKS = np.zeros(30_000, dtype=np.float32)
CLICKS[::5_000] = 1.0
TIME = np.arange(30_000) / RATE
NOISE = np.random.default_rng(0).standard_normal(30_000)
SIGNALS = {
    "a quiet low sine": 0.01 * np.sin(2 * np.pi * 55.0 * TIME),
    "a full-scale sine": np.sin(2 * np.pi * 997.0 * TIME),
    "a sine at half the sample rate": np.cos(np.pi * np.arange(30_000)),
    "a constant": np.full(30_000, 0.5),
    "noise": 0.1 * NOISE,
    "faint noise": 2e-3 * NOISE,
    "clipped noise": np.clip(10 * NOISE, -1, 1),
    "clicks": CLICKS,
    "a sweep": np.sin(np.pi * 1000 * TIME**2),
    "a tone that stops": np.where(TIME < 1, np.sin(2 * np.pi * 440 * TIME), 0.0),
    "one sample": np.array([0.7]),
    "less than a hop": 0.3 * NOISE[:100],
}


def assert_parity(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)[theirs > COMPARED_ABOVE_DB]
    assert difference.size > 0
    assert difference.max() < 0.05
    assert np.median(difference) < 0.001


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS.keys())
def test_synthetic_signals_have_essentias_spectrogram(signal: np.ndarray) -> None:
    samples = signal.astype(np.float32)
    assert_parity(MelSpectrogram()(samples), essentia_mel(samples))


@pytest.mark.parametrize("name", ["sad", "transience", "chimes_they_fade"])
def test_music_has_essentias_spectrogram(reference, name: str) -> None:
    standard = pytest.importorskip("essentia.standard")
    path = str(reference / "gamemusic" / "audio" / f"{name}.ogg")
    samples = standard.MonoLoader(filename=path, sampleRate=RATE, resampleQuality=4)()
    assert_parity(MelSpectrogram()(samples), essentia_mel(samples))


def test_a_distributed_spectrogram_is_reproduced_from_its_audio(reference) -> None:
    standard = pytest.importorskip("essentia.standard")
    folder = reference / "gamemusic"
    whole = standard.MonoLoader(filename=str(folder / "audio" / "sad.ogg"), sampleRate=RATE, resampleQuality=4)()
    start = (len(whole) - 40 * RATE) // 2  # the 40 s from the middle
    distributed = np.load(folder / "melspecs" / "21" / "9000021.npy")
    assert_parity(MelSpectrogram()(whole[start : start + 40 * RATE]), distributed.T)


@pytest.mark.parametrize(
    "num_samples", [1, 2, 255, 256, 257, 511, 512, 513, 767, 768, 769, 1023, 1024, 1025, 12_000, 12_032, 131_072]
)
def test_there_are_as_many_frames_as_essentia_emits(num_samples: int) -> None:
    standard = pytest.importorskip("essentia.standard")
    samples = np.ones(num_samples, dtype=np.float32)
    frames = standard.FrameGenerator(samples, frameSize=512, hopSize=256, startFromZero=False)
    expected = sum(1 for _ in frames)
    assert MelParameters().num_frames(num_samples) == expected
    assert MelSpectrogram()(samples).shape == (expected, 96)


@given(st.integers(1, 10**9))
def test_the_last_frame_is_the_first_that_is_centred_at_or_after_the_end(num_samples: int) -> None:
    last = MelParameters().num_frames(num_samples) - 1
    assert (last - 1) * 256 < num_samples <= last * 256


def test_forty_seconds_have_as_many_frames_as_the_distributed_spectrograms() -> None:
    assert MelParameters().num_frames(40 * RATE) == 1876


def test_silence_is_the_floor_everywhere() -> None:
    assert (MelSpectrogram()(np.zeros(5_000, dtype=np.float32)) == -200.0).all()


def test_nothing_has_no_frames() -> None:
    assert MelSpectrogram()(np.zeros(0, dtype=np.float32)).shape == (0, 96)


def test_a_unit_impulse_has_the_level_worked_by_hand() -> None:
    # Its spectrum is flat at w(256)^2, about 1; a band of area 1 sampled every 23.4375 Hz sums to about 1 / 23.4375;
    # 2 * 10 * log10 of that is -27.4. The wide bands at the top come close to it, the narrow ones less so.
    samples = np.zeros(1_000, dtype=np.float32)
    samples[0] = 1.0
    first, second = MelSpectrogram()(samples)[:2]
    np.testing.assert_allclose(first[60:], -20 * np.log10(23.4375), atol=0.5)
    assert (second < -150).all()  # there the impulse stands at the window's edge


def test_ten_times_the_amplitude_is_forty_more() -> None:
    samples = (0.05 * NOISE).astype(np.float32)
    mel = MelSpectrogram()
    np.testing.assert_allclose(mel(10 * samples) - mel(samples), 40.0, atol=1e-3)


def test_a_tone_is_loudest_in_the_band_around_it() -> None:
    edges = mel_band_edges(MelParameters())
    for band in (10, 50, 90):
        tone = np.sin(2 * np.pi * edges[band + 1] * TIME).astype(np.float32)
        assert MelSpectrogram()(tone)[20].argmax() == band


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(1, 5_000))
def test_chunks_leave_no_seams(chunk: int, num_samples: int) -> None:
    samples = (0.1 * NOISE[:num_samples]).astype(np.float32)
    whole = MelSpectrogram()(samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_FRAMES", chunk)
        np.testing.assert_allclose(MelSpectrogram()(samples), whole, atol=1e-3)


def test_read_only_and_strided_samples_are_taken_as_they_are() -> None:
    stereo = np.stack([0.1 * NOISE, NOISE], axis=1).astype(np.float32)
    stereo.flags.writeable = False
    np.testing.assert_array_equal(MelSpectrogram()(stereo[:, 0]), MelSpectrogram()(stereo[:, 0].copy()))


def test_the_triangles_have_unit_area() -> None:
    bank = mel_filterbank(MelParameters(frame_size=65_536))  # fine enough to integrate
    np.testing.assert_allclose(bank.sum(axis=1) * RATE / 65_536, 1.0, atol=1e-3)


def test_the_bands_are_linear_to_one_kilohertz_and_logarithmic_above() -> None:
    edges = mel_band_edges(MelParameters())
    below, above = edges[edges < 1000], edges[edges > 1000]
    np.testing.assert_allclose(np.diff(below), np.diff(below)[0])
    np.testing.assert_allclose(above[1:] / above[:-1], above[1] / above[0])
    assert edges[0] == 0.0
    assert edges[-1] == pytest.approx(6000.0)


def test_samples_of_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mono, of shape \(S,\), not \(10, 2\)"):
        MelSpectrogram()(np.zeros((10, 2), dtype=np.float32))


@pytest.mark.parametrize("wrong", [{"hop": 0}, {"num_bands": 0}, {"frame_size": 511}, {"sample_rate": -1}])
def test_impossible_parameters_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be positive and frame_size even"):
        MelParameters(**wrong)


def test_parameters_survive_as_plain_values() -> None:
    parameters = MelParameters(sample_rate=16_000, floor_db=-120.0)
    assert MelParameters(**parameters.to_dict()) == parameters  # type: ignore[arg-type]
    assert MelParameters().frames_per_second == 46.875
