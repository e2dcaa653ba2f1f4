"""M4A and AAC through the `ffmpeg` program, where it is installed: libsndfile reads neither."""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from songmood.audio.resample import LinearResampler
from songmood.errors import CorpusError

DEMUXERS = {".m4a": "mov", ".mp4": "mov", ".aac": "aac"}  # named: a playlist that is called .m4a must open nothing
FFMPEG_SUFFIXES = tuple(DEMUXERS)
BLOCK_FRAMES = 16_384
AU_HEADER = ">4s5I"  # magic, where the samples start, their bytes, their encoding, Hz, channels
AU_FLOAT = 6


def ffmpeg_blocks(path: Path, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Decode a file block by block, mixed and resampled as `songmood.audio.samples` does it.

    Args:
        path: the file.
        sample_rate: Hz of the blocks.

    Yields:
        (S,) mono, full scale at 1.

    Raises:
        CorpusError: FFmpeg is not installed, or the file cannot be decoded to its end or holds no samples.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise CorpusError(
            f"{path} needs FFmpeg, which is not installed: install it, or convert the file to FLAC or OGG."
        )
    if not path.is_file():
        raise CorpusError(f"{path} is not there or not a file: correct the path.")
    demuxer = DEMUXERS[path.suffix.lower()]
    source = ["-xerror", "-protocol_whitelist", "file", "-f", demuxer, "-i", f"file:{path}", "-map", "0:a:0"]
    command = [program, "-nostdin", "-v", "error", *source, "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with (
        tempfile.TemporaryFile() as notes,  # not a pipe: whoever reads two pipes in turn waits for ever
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=notes) as process,
    ):
        assert process.stdout is not None
        try:
            is_empty = True
            for block in _decoded(process.stdout, sample_rate):
                is_empty = False
                yield block
            status = process.wait()
        finally:
            process.kill()
        if status or is_empty:
            notes.seek(0)
            reason = notes.readline().decode("utf-8", "replace").strip() or "it holds no samples"
            raise CorpusError(f"{path} is damaged or cut short ({reason}): fetch or export it again.")


def _decoded(pipe: IO[bytes], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    size = struct.calcsize(AU_HEADER)
    header = pipe.read(size)
    if len(header) < size:
        return
    magic, start, _, encoding, source_rate, channels = struct.unpack(AU_HEADER, header)
    assert magic == b".snd"
    assert encoding == AU_FLOAT
    pipe.read(start - size)
    resample = LinearResampler(source_rate, sample_rate)
    weights = np.full(channels, 1.0 / channels, dtype=np.float32)
    while data := pipe.read(BLOCK_FRAMES * channels * 4):
        frames = np.frombuffer(data[: len(data) // (4 * channels) * 4 * channels], dtype=">f4").reshape(-1, channels)
        yield resample(frames.astype(np.float32) @ weights)
