from pathlib import Path

import numpy as np
import pytest
import soundfile

from songmood.audio.mpeg import with_known_length
from songmood.audio.samples import load_audio

RATES = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
ID3 = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)  # a tag of 128 bytes, its length coded in 7 bits a byte


def variable_rate_mp3(path: Path, rate: int, channels: int) -> Path:
    """Two seconds of noise, then two of silence: the first frames' bit rate says nothing about the length."""
    noise = 0.3 * np.random.default_rng(0).standard_normal((4 * rate, channels))
    noise[2 * rate :] = 0.0
    soundfile.write(path, noise, rate, bitrate_mode="VARIABLE", compression_level=0.5)
    return path


def without_length(path: Path) -> bytes:
    """The file's frames but the first, which is the Xing frame; silence and sound have frames of other lengths."""
    content = path.read_bytes()
    assert b"Xing" in content[:64]
    second = content.find(content[:2], 4)
    return content[second:]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", RATES)
def test_a_variable_rate_mp3_without_a_length_is_loaded_whole(tmp_path: Path, rate: int, channels: int) -> None:
    path = variable_rate_mp3(tmp_path / "a.mp3", rate, channels)
    assert with_known_length(path) is None
    expected = load_audio(path, rate)
    path.write_bytes(ID3 + without_length(path))
    guess = soundfile.info(path).frames
    assert abs(guess - 4 * rate) > 0.1 * rate  # what the decoder would believe
    loaded = load_audio(path, rate)
    assert len(expected) == 4 * rate
    assert len(expected) <= len(loaded) < len(expected) + 3 * 1_152  # encoder padding is no longer known
    shift = int(np.argmax(np.correlate(loaded[: rate // 2], expected[: rate // 4], "valid")))
    np.testing.assert_allclose(loaded[shift : shift + rate // 2], expected[: rate // 2], atol=1e-4)


def test_the_info_frame_tells_the_number_of_frames(tmp_path: Path) -> None:
    path = variable_rate_mp3(tmp_path / "a.mp3", 44_100, 2)
    path.write_bytes(without_length(path))
    mended = with_known_length(path)
    assert mended is not None
    with mended:
        content = mended.read()
    count = int.from_bytes(content[content.find(b"Info") + 8 :][:4], "big")
    assert 4 * 44_100 <= 1_152 * count < 4 * 44_100 + 3 * 1_152
    assert content.endswith(path.read_bytes())


@pytest.mark.parametrize(
    "before",
    [
        bytes(64),
        b"ID3\x04\0\x10\0\0\0\x10" + bytes(16) + b"3DI\x04\0\x10\0\0\0\x10",  # a tag with a footer
        b"\xff\xfb\x90\x00 looks like a frame and none follows" + bytes(400),
        b"\xff" * 100,
    ],
    ids=["zeros", "footer", "false frame", "ones"],
)
def test_what_stands_before_the_first_frame_is_passed_over(tmp_path: Path, before: bytes) -> None:
    path = variable_rate_mp3(tmp_path / "a.mp3", 44_100, 2)
    frames = without_length(path)
    path.write_bytes(frames)
    expected = load_audio(path, 12_000)
    path.write_bytes(before + frames)
    np.testing.assert_array_equal(load_audio(path, 12_000), expected)


def test_a_file_whose_first_frame_is_cut_is_loaded_from_the_next_one_on(tmp_path: Path) -> None:
    path = variable_rate_mp3(tmp_path / "a.mp3", 44_100, 2)
    path.write_bytes(without_length(path)[10:])
    assert 4.0 - 2 * 1_152 / 44_100 < len(load_audio(path, 12_000)) / 12_000 < 4.0 + 3 * 1_152 / 44_100


def test_a_single_frame_is_loaded(tmp_path: Path) -> None:
    path = variable_rate_mp3(tmp_path / "a.mp3", 44_100, 2)
    frames = without_length(path)
    path.write_bytes(frames[: frames.find(frames[:2], 4)])
    mended = with_known_length(path)
    assert mended is not None
    mended.close()


def test_tags_and_noise_between_frames_are_not_counted(tmp_path: Path) -> None:
    path = variable_rate_mp3(tmp_path / "a.mp3", 44_100, 1)
    frames = without_length(path)
    path.write_bytes(frames)
    plain = with_known_length(path)
    path.write_bytes(frames + b"TAG" + bytes(125))
    tagged = with_known_length(path)
    assert plain is not None
    assert tagged is not None
    with plain, tagged:
        assert plain.read(60) == tagged.read(60)


@pytest.mark.parametrize("content", [b"", b"ID3", ID3, b"\xff", b"no audio at all", b"\xff\xfb\xf0\x00" + bytes(100)])
def test_what_is_no_mp3_is_left_to_the_decoder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    assert with_known_length(path) is None
