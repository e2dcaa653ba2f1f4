import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from songmood.audio.container import cut_short, quiet_decoder

NOISE = 0.1 * np.random.default_rng(0).standard_normal(30_000)


def encoded(kind: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, NOISE, 48_000, subtype, format=kind)
    return buffer.getvalue()


WAV, OGG, OPUS = encoded("WAV", "PCM_16"), encoded("OGG", "VORBIS"), encoded("OGG", "OPUS")


def evidence(folder: Path, content: bytes) -> str | None:
    path = folder / "a"
    path.write_bytes(content)
    return cut_short(path)


@pytest.mark.parametrize("content", [WAV, OGG, OPUS], ids=["wav", "ogg", "opus"])
def test_whole_files_pass_and_files_without_their_last_byte_do_not(tmp_path: Path, content: bytes) -> None:
    assert evidence(tmp_path, content) is None
    assert evidence(tmp_path, content[:-1]) is not None
    assert evidence(tmp_path, content[: len(content) // 2]) is not None


def test_the_evidence_for_a_wav_counts_its_bytes(tmp_path: Path) -> None:
    assert evidence(tmp_path, WAV[: 44 + 1_000]) == "1,000 of the 60,000 bytes of samples in its header are there"


def test_chunks_before_the_samples_are_stepped_over(tmp_path: Path) -> None:
    odd = b"note" + struct.pack("<I", 3) + b"abc\0"  # an odd length is padded to even
    longer = WAV[:12] + odd + WAV[12:]
    assert evidence(tmp_path, longer) is None
    assert evidence(tmp_path, longer[:-2]) is not None


def test_bytes_after_the_audio_do_no_harm(tmp_path: Path) -> None:
    tag = b"TAG" + bytes(125)
    assert [evidence(tmp_path, content + tag) for content in (WAV, OGG, OPUS)] == [None, None, None]


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_passes(tmp_path: Path, length: int) -> None:
    assert evidence(tmp_path, WAV[:40] + struct.pack("<I", length) + WAV[44:]) is None


@pytest.mark.parametrize("content", [b"", b"RIF", b"RIFF", b"RIFF" + bytes(8), WAV[:30], b"fLaC" + bytes(40)])
def test_what_has_no_samples_to_count_is_left_to_the_decoder(tmp_path: Path, content: bytes) -> None:
    assert evidence(tmp_path, content) is None


def test_standard_error_is_back_after_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with quiet_decoder(Path("a.MP3")):
            os.write(2, b"a note of the decoder")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def test_standard_error_stays_for_other_formats(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_decoder(Path("a.ogg")):
        os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"
