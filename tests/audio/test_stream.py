"""Spectrograms in blocks: the frames of the whole file, in constant memory, and M4A through FFmpeg."""

import shutil
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.audio.samples import load_audio
from songmood.audio.stream import file_blocks
from songmood.errors import CorpusError

RATE = 12_000
NOISE = np.random.default_rng(3).normal(0, 0.2, 300_000).astype(np.float32)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="FFmpeg is not installed")


def in_blocks(samples: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    return np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts))


@given(st.sampled_from([0, 1, 255, 256, 257, 131_072, 131_327, 131_328, 131_329, 262_400, 300_000]), st.data())
def test_a_signal_in_blocks_has_the_bits_of_the_whole(length: int, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, 300_000), max_size=12))
    mel = MelSpectrogram()
    frames = list(mel.of_blocks(in_blocks(NOISE[:length], cuts)))
    np.testing.assert_array_equal(np.concatenate([*frames, np.empty((0, 96), np.float32)]), mel(NOISE[:length]))


def test_other_parameters_leave_no_seams_either() -> None:
    mel = MelSpectrogram(MelParameters(sample_rate=16_000, frame_size=400, hop=500, num_bands=40))
    frames = list(mel.of_blocks(in_blocks(NOISE, [1, 1000, 200_000, 255_750])))
    np.testing.assert_array_equal(np.concatenate(frames), mel(NOISE))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus"])
def test_a_file_in_blocks_is_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    kind = {"format": "OGG", "subtype": "OPUS"} if suffix == ".opus" else {}
    soundfile.write(path, np.stack([NOISE[:120_000], NOISE[120_000:240_000]], axis=1), 24_000, **kind)
    mel = MelSpectrogram()
    whole = mel(load_audio(path, RATE))
    np.testing.assert_array_equal(np.concatenate(list(mel.of_blocks(file_blocks(path, RATE)))), whole)


def test_two_mp3_files_can_be_read_in_turn(tmp_path: Path) -> None:
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.mp3", NOISE, 44_100)
    streams = [file_blocks(tmp_path / f"{name}.mp3", RATE) for name in "ab"]
    assert all(np.array_equal(a, b) for a, b in zip(*streams, strict=True))


def test_an_hour_takes_the_memory_of_a_minute() -> None:
    def minutes(count: int) -> Iterator[np.ndarray]:
        for _ in range(count):
            yield np.zeros(60 * RATE, dtype=np.float32)

    def peak(count: int) -> int:
        mel = MelSpectrogram()
        tracemalloc.start()
        for _ in mel.of_blocks(minutes(count)):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(60) < 1.2 * peak(2)


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".m4a", ".aac"])
def test_m4a_is_heard_as_ffmpeg_decodes_it(tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([NOISE[:90_000], NOISE[90_000:180_000]], axis=1), 44_100)
    path = tmp_path / f"a{suffix}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", path], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-c:a", "pcm_f32le", tmp_path / "b.wav"], check=True)
    heard = np.concatenate(list(file_blocks(path, RATE)))
    np.testing.assert_allclose(heard, load_audio(tmp_path / "b.wav", RATE), atol=1e-7)


@needs_ffmpeg
def test_a_cut_m4a_and_a_playlist_that_is_called_one_are_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", NOISE, 44_100)
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", "-c:a", "aac", "-movflags", "+faststart"]
    subprocess.run([*command, tmp_path / "whole.m4a"], check=True)
    (tmp_path / "cut.m4a").write_bytes((tmp_path / "whole.m4a").read_bytes()[:60_000])
    (tmp_path / "list.m4a").write_text("#EXTM3U\n#EXTINF:1,\na.wav\n")
    (tmp_path / "empty.m4a").touch()
    for name in ("cut", "list", "empty"):
        with pytest.raises(CorpusError, match=rf"{name}\.m4a is damaged or cut short \(.*\): fetch or export it again"):
            list(file_blocks(tmp_path / f"{name}.m4a", RATE))


def test_without_ffmpeg_an_m4a_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.m4a").touch()
    with pytest.raises(CorpusError, match=r"a\.m4a needs FFmpeg, which is not installed"):
        list(file_blocks(tmp_path / "a.m4a", RATE))
