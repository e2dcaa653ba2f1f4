import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import samplerate
import soundfile

from songmood.audio import samples as module
from songmood.audio.mel import MelSpectrogram
from songmood.audio.samples import AUDIO_SUFFIXES, load_audio
from songmood.errors import CorpusError

RATE = 12_000
LOSSLESS = (".wav", ".flac")
SUBTYPES = {".wav": "PCM_16", ".flac": "PCM_16", ".mp3": "MPEG_LAYER_III", ".ogg": "VORBIS", ".opus": "OPUS"}


def write(path: Path, samples: np.ndarray, rate: int = 44_100, subtype: str | None = None) -> Path:
    """Write (S,) or (S, channels) in blocks: libsndfile overflows its stack on long Vorbis writes."""
    samples = samples if samples.ndim == 2 else samples[:, None]
    kind = "OGG" if path.suffix in (".ogg", ".opus") else None
    subtype = subtype or SUBTYPES[path.suffix]
    with soundfile.SoundFile(path, "w", rate, samples.shape[1], subtype, format=kind) as file:
        for start in range(0, len(samples), 8_192):
            file.write(samples[start : start + 8_192])
    return path


def music(seconds: float = 2.0, rate: int = 44_100) -> np.ndarray:
    """Two channels: a chord with a beat, and another with noise."""
    time = np.arange(int(seconds * rate)) / rate
    left = 0.3 * np.sin(2 * np.pi * 440 * time) * (1 + np.sin(2 * np.pi * 2 * time))
    right = 0.2 * np.sin(2 * np.pi * 660 * time) + 0.05 * np.random.default_rng(0).standard_normal(len(time))
    return np.stack([left, right], axis=1)


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_every_format_gives_the_same_music(tmp_path: Path, suffix: str) -> None:
    samples = music(rate=48_000)
    expected = samplerate.resample(samples.mean(axis=1).astype(np.float32), RATE / 48_000, "linear")
    loaded = load_audio(write(tmp_path / f"a{suffix}", samples, 48_000), RATE)
    assert loaded.dtype == np.float32
    assert abs(len(loaded) - len(expected)) <= 1
    common = min(len(loaded), len(expected))
    # Lossy formats are compared below what they keep: 6 kHz of noise is not among it.
    assert np.corrcoef(loaded[:common], expected[:common])[0, 1] > (0.9999 if suffix in LOSSLESS else 0.98)


def test_suffixes_in_capitals_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", music()).rename(tmp_path / "A.FLAC")
    assert len(load_audio(path, RATE)) > 0


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    levels = np.linspace(-0.5, 0.75, channels)
    path = write(tmp_path / "a.wav", np.tile(levels, (1_000, 1)), RATE, "FLOAT")
    np.testing.assert_allclose(load_audio(path, RATE), levels.mean(), atol=1e-7)


def test_samples_at_the_wanted_rate_pass_through_unchanged(tmp_path: Path) -> None:
    samples = music(rate=RATE)[:, 1].astype(np.float32)
    np.testing.assert_array_equal(load_audio(write(tmp_path / "a.wav", samples, RATE, "FLOAT"), RATE), samples)


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 44_100])
def test_blocks_leave_no_seams(tmp_path: Path, rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.wav", music(rate=rate), rate, "FLOAT")
    whole = load_audio(path, RATE)
    monkeypatch.setattr(module, "BLOCK_FRAMES", 777)
    np.testing.assert_allclose(load_audio(path, RATE), whole, atol=1e-6)


@pytest.mark.parametrize(("suffix", "rate"), [(".wav", 44_100), (".wav", 22_050), (".flac", 48_000), (".flac", 12_000)])
def test_lossless_files_are_loaded_as_essentia_loads_them(tmp_path: Path, suffix: str, rate: int) -> None:
    standard = pytest.importorskip("essentia.standard", reason="Essentia is not installed")
    path = write(tmp_path / f"a{suffix}", music(20.0, rate), rate)
    expected = standard.MonoLoader(filename=str(path), sampleRate=RATE, resampleQuality=4)()
    loaded = load_audio(path, RATE)
    assert len(loaded) == len(expected)
    np.testing.assert_allclose(loaded, expected, atol=1e-8)


@pytest.mark.parametrize(("name", "lead"), [("sad", 128), ("transience", 0), ("chimes_they_fade", 0)])
def test_real_files_have_essentias_spectrogram_once_their_starts_are_aligned(reference, name: str, lead: int) -> None:
    standard = pytest.importorskip("essentia.standard", reason="Essentia is not installed")
    path = reference / "gamemusic" / "audio" / f"{name}.ogg"
    theirs = standard.MonoLoader(filename=str(path), sampleRate=RATE, resampleQuality=4)()
    # sad.ogg carries its first audio packet on the page of its headers, where libsndfile does not look for it.
    theirs = theirs[round(lead * RATE / soundfile.info(path).samplerate) :]
    ours = load_audio(path, RATE)
    common = min(len(ours), len(theirs))
    assert common > 0.999 * max(len(ours), len(theirs))
    expected = MelSpectrogram()(theirs[:common].copy())
    difference = np.abs(MelSpectrogram()(ours[:common].copy()) - expected)
    is_audible = expected > -90.0
    tenth = len(expected) // 10
    assert np.median(difference[is_audible]) < 0.1
    # No drift: the end agrees as the start does.
    assert np.median(difference[-tenth:][is_audible[-tenth:]]) < 0.1
    assert np.median(difference[:tenth][is_audible[:tenth]]) < 0.1


def test_decoding_starts_at_the_same_sample_as_essentias_for_mp3(tmp_path: Path) -> None:
    standard = pytest.importorskip("essentia.standard", reason="Essentia is not installed")
    path = write(tmp_path / "a.mp3", music(5.0))
    expected = standard.MonoLoader(filename=str(path), sampleRate=RATE, resampleQuality=4)()
    loaded = load_audio(path, RATE)
    common = min(len(loaded), len(expected)) - 100
    np.testing.assert_allclose(loaded[:common], expected[:common], atol=1e-3)


def test_silence_is_loaded(tmp_path: Path) -> None:
    assert not load_audio(write(tmp_path / "a.wav", np.zeros(4_410)), RATE).any()


def test_one_sample_is_loaded(tmp_path: Path) -> None:
    assert len(load_audio(write(tmp_path / "a.wav", np.full(1, 0.5)), RATE)) >= 1


def refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        load_audio(path, RATE)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_files_that_are_not_audio_are_refused(tmp_path: Path, suffix: str) -> None:
    for content in (b"", b"This is not audio. " * 500, bytes(5_000)):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(content)
        assert f"is not audio that can be opened as {suffix}" in refusal(path)


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_files_cut_in_half_are_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", music(5.0, 48_000), 48_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is cut short" in (message := refusal(path)) or "is damaged after" in message


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg", ".opus"])
def test_files_with_a_hole_are_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", music(5.0, 48_000), 48_000)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(tmp_path: Path, wrong: float) -> None:
    samples = music()
    samples[50_000, 1] = wrong
    assert "NaN or infinite" in refusal(write(tmp_path / "a.wav", samples, subtype="FLOAT"))


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    assert "is empty" in refusal(write(tmp_path / "a.wav", np.zeros(0)))


def test_missing_files_folders_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    assert "is not there" in refusal(tmp_path / "a.wav")
    (tmp_path / "folder.wav").mkdir()
    assert "not a file" in refusal(tmp_path / "folder.wav")
    assert "use one of .wav, .flac, .mp3, .ogg, .opus" in refusal(tmp_path / "a.m4a")


def test_a_flac_written_to_a_pipe_tells_no_length_and_is_loaded_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", music())
    expected = load_audio(path, RATE)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the count of samples: the last 36 bits of STREAMINFO's eight bytes from 18
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_array_equal(load_audio(path, RATE), expected)


def test_the_mp3_decoders_notes_stay_off_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", music(5.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    noisy = f"import soundfile; soundfile.read({str(path)!r})"
    assert b"Warning" in subprocess.run([sys.executable, "-c", noisy], capture_output=True, check=True).stderr
    quiet = (
        "import sys\nfrom songmood.audio.samples import load_audio\nfrom songmood.errors import CorpusError\n"
        f"try:\n    load_audio({str(path)!r}, 12_000)\nexcept CorpusError:\n    print('back', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", quiet], capture_output=True, check=True)
    assert done.stderr == b"back\n"
