"""Jobs side by side: each in a slot of the machine, one's death is its own, and all end in order together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from songmood.runs.sweeps import slots
from songmood.runs.sweeps.local import carry_out
from songmood.runs.sweeps.slots import BEGIN, Processes
from songmood.runs.sweeps.table import read_sweep
from tiny import TINY_NET, TINY_RUN, command, folder_overrides, run, train_here, write_corpus

SAY = "import os, sys; sys.stdout.write(os.environ['SLOT'])"
PATIENCE = 60  # seconds


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def is_alive(process: int) -> bool:
    """Whether there is such a process, and more of it than an exit status that nobody has asked for."""
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until_dead(process: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_alive(process) and time.monotonic() < deadline:
        os.sched_yield()
    assert not is_alive(process)


def test_each_command_has_a_slot_to_itself_and_leaves_what_it_prints(tmp_path: Path) -> None:
    processes = Processes([{"SLOT": "a"}])
    for name in ("one", "two"):
        carry_out(processes, tmp_path / name, python(SAY))
        assert (tmp_path / name / "output.log").read_text() == "a"
        assert not (tmp_path / name / "failed.txt").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os; os.abort()", "killed by SIGABRT; see "),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL, often for a lack of memory; see "),
        ("raise SystemExit(3)", "ended with status 3; see "),
        ("raise SystemExit(130)", "asked to end by a signal; see "),  # by somebody else: all would end with Ctrl-C
    ],
)
def test_a_process_that_dies_is_named_with_its_output(tmp_path: Path, text: str, said: str) -> None:
    carry_out(Processes([{}]), tmp_path, python(text))
    assert (tmp_path / "failed.txt").read_text() == f"{said}{tmp_path}/output.log\n"


def test_what_a_dead_process_has_started_dies_with_it(tmp_path: Path) -> None:
    start = "import subprocess, sys, os; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); os.abort()"
    Processes([{}]).run(tmp_path, python(start))
    until_dead(int((tmp_path / "output.log").read_text()))


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Callable[[Processes, str], Path]]:
    """Starts a job of which a thread sees the end; what it has printed is awaited."""
    threads: list[threading.Thread] = []

    def start(processes: Processes, text: str) -> Path:
        threads.append(threading.Thread(target=carry_out, args=(processes, tmp_path / "one", python(text))))
        threads[0].start()
        log = tmp_path / "one" / "output.log"
        while not (log.exists() and log.read_text()):
            os.sched_yield()
        return log

    yield start
    threads[0].join(PATIENCE)


def test_all_are_asked_to_end_and_none_is_started_after(tmp_path: Path, working) -> None:
    processes = Processes([{}])
    ends = "import signal, sys; signal.signal(15, lambda *_: sys.exit('in order'))"
    log = working(processes, f"{ends}; print('up', flush=True); signal.pause()")
    processes.stop()
    carry_out(processes, tmp_path / "two", python(SAY))
    assert log.read_text() == "up\nin order\n"
    assert not (tmp_path / "one" / "failed.txt").exists()
    assert not (tmp_path / "two").exists()


IGNORES = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def test_what_does_not_end_when_it_is_asked_to_is_killed(tmp_path: Path, working, monkeypatch) -> None:
    monkeypatch.setattr(slots, "GRACE", 0.01)
    processes = Processes([{}])
    working(processes, IGNORES)
    (process,) = processes.running
    processes.stop()
    assert process.wait(PATIENCE) == -signal.SIGKILL


def test_a_job_ends_with_the_process_that_started_it_and_so_does_all_that_it_started() -> None:
    start = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    with subprocess.Popen(
        python(f"{BEGIN}{start}; {IGNORES}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        other, up = int(process.stdout.readline()), process.stdout.readline()
        process.stdin.close()  # as the kernel does for a process that was killed
        assert (up, process.wait(PATIENCE)) == ("up\n", -signal.SIGKILL)
    until_dead(other)


def test_a_job_that_aborts_the_interpreter_leaves_the_others_results_as_they_are(tmp_path: Path) -> None:
    corpus, place = write_corpus(tmp_path / "corpus"), tmp_path / "sweep"
    small = [*folder_overrides(corpus), *TINY_RUN, *TINY_NET, "trainer.max_epochs=1", "logger=none", "pictures=false"]
    ending = ["+callbacks.end={_target_:ending.Ending,how:stay}", "callbacks.end.how=abort,stay"]
    launcher = ["hydra/launcher=local", "hydra.launcher.at_once=2", f"hydra.sweep.dir={place}"]
    (place / "callbacks.end.how=stay").mkdir(parents=True)
    (place / "callbacks.end.how=stay" / "failed.txt").write_text("ConfigError: of yesterday\n")
    done = run(command("train.py", "-m", *small, *ending, *launcher))
    assert done.returncode == 1, done.stdout + done.stderr
    aborted, stayed = read_sweep(place).jobs
    assert (aborted.state, stayed.state) == ("failed", "finished")
    assert "killed by SIGABRT" in done.stdout
    alone = train_here(corpus, tmp_path / "alone", "trainer.max_epochs=1", "pictures=false")
    assert np.array_equal(np.load(place / "callbacks.end.how=stay" / "predictions.npy"), alone.predictions)
