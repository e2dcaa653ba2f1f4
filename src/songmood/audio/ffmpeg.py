"""M4A and AAC through the `ffmpeg` program, where it is installed: libsndfile reads neither."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from songmood.audio.resample import LinearResampler
from songmood.audio.samples import Stream, mono_blocks
from songmood.errors import CorpusError

DEMUXERS = {".m4a": "mov", ".mp4": "mov", ".aac": "aac"}  # named: a playlist that is called .m4a must open nothing
FFMPEG_SUFFIXES = tuple(DEMUXERS)


def ffmpeg_blocks(path: Path, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Decode a file block by block, mixed and resampled to `sample_rate` Hz as `songmood.audio.samples` does it.

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
        is_empty = True
        try:
            with Stream(process.stdout.fileno(), closefd=False) as file:
                resample = LinearResampler(file.samplerate, sample_rate)
                for block in mono_blocks(path, file):
                    is_empty = False
                    yield resample(block)
        except soundfile.LibsndfileError:
            is_empty = True
            process.stdout.close()  # else it would wait for a reader
        if process.wait() or is_empty:
            notes.seek(0)
            reason = notes.readline().decode("utf-8", "replace").strip() or "it holds no samples"
            raise CorpusError(f"{path} is damaged or cut short ({reason}): fetch or export it again.")
