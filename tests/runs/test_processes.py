"""A distributed run says which of its processes was killed, not that the others wait for it in vain."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from songmood.runs.processes import killed_process


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import os; os.kill(os.getpid(), 9)",
            "process 2 of this run was killed by SIGKILL, often for a lack of memory",
        ),
        ("raise SystemExit(1)", None),  # it has said itself why
        ("pass", None),
    ],
)
def test_a_process_that_was_killed_is_named(code: str, said: str | None) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", text]) for text in ("pass", code)]
    for process in processes:
        process.wait()
    trainer = SimpleNamespace(strategy=SimpleNamespace(launcher=SimpleNamespace(procs=processes)))
    assert killed_process(trainer) == said  # type: ignore[arg-type]


def test_a_run_of_one_process_has_no_others() -> None:
    assert killed_process(SimpleNamespace(strategy=SimpleNamespace(launcher=None))) is None  # type: ignore[arg-type]
