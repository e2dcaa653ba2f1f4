"""A disk of a few kilobytes for one command, where the system lets a test mount one."""

import subprocess
from pathlib import Path

import pytest


def on_a_small_disk(folder: Path, size: str) -> list[str]:
    """What to put before a command so that it sees a disk of `size`, such as "4m", in the place of `folder`."""
    mount = f'mount -t tmpfs -o size={size} tmpfs "{folder}" && exec "$@"'
    wrap = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        subprocess.run([*wrap, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system does not let a test mount a small disk")
    return wrap
