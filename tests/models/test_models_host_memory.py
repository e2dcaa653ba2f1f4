"""Keeping freed memory: seen from outside, in a process of its own, since it cannot be undone."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from songmood.models.host_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16 * 2**20)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

by_default = faults()
assert keep_freed_memory()
faults()  # settles: an aligned block needs a freed one that is slightly larger
print(by_default, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is the GNU C library's")
def test_a_large_tensor_takes_the_memory_of_the_one_before() -> None:
    out = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    by_default, kept = map(int, out.split())
    assert kept < 200 < by_default  # 16,384 pages of 4 KiB a tensor, or 32 of 2 MiB


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from songmood.models.host_memory import keep_freed_memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
