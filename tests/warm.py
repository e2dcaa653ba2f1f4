"""train.py and evaluate.py in a process of their own that has imported what is slow: torch and Lightning take seconds.

Python's fork server imports once; each command is then a fork of it, with its own arguments, folder, environment and
signals. What is asked of imports themselves, or of variables that they read, is for a process from nothing.
"""

import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["songmood.runs.train", "songmood.runs.evaluate", "warm"])


class WarmCommand:
    """A script that was started; its standard output and standard error go to files."""

    def __init__(self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.arguments = list(arguments)
        self._said = Path(tempfile.mkdtemp())
        self._out, self._err = self._said / "out", self._said / "err"
        chosen = {**os.environ, **environment}
        self._process: ForkServerProcess = CONTEXT.Process(
            target=enter, args=(self.arguments, str(cwd), chosen, str(self._out), str(self._err))
        )
        self._process.start()

    @property
    def is_running(self) -> bool:
        return self._process.exitcode is None

    def send_signal(self, kind: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, kind)

    def result(self, timeout: float) -> subprocess.CompletedProcess[str]:
        """What it said and its status, once it has ended; after so many seconds it is killed."""
        self._process.join(timeout)
        if self.is_running:
            self._process.kill()
            self._process.join()
        status = self._process.exitcode
        assert status is not None
        done = subprocess.CompletedProcess(self.arguments, status, self._out.read_text(), self._err.read_text())
        shutil.rmtree(self._said)
        return done


def enter(arguments: list[str], cwd: str, environment: dict[str, str], out: str, err: str) -> None:
    """In the new process: what a shell does before a script starts."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    script = arguments[1]
    sys.argv = arguments[1:]
    sys.path[0] = str(Path(script).parent)
    multiprocessing.process._parent_process = None  # type: ignore[attr-defined]  # nobody's worker
    runpy.run_path(script, run_name="__main__")
