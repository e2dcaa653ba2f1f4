"""Files that are whole or not there."""

import os
from pathlib import Path

from songmood.errors import SubmissionError


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the file, then rename: neither a reader nor a kill leaves half of it.

    Raises:
        SubmissionError: the folder cannot be made or written, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise SubmissionError(f"{path}: cannot be written ({reason}); free space or choose another place") from error
    finally:
        if partial.exists():
            partial.unlink()
