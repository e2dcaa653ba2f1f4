"""Jobs side by side: each in a slot of the machine, one's death is its own, and all end in order together."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from songmood.runs.sweeps.local import BEGIN, Processes
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


def test_each_command_has_a_slot_to_itself_and_leaves_what_it_prints(tmp_path: Path) -> None:
    processes = Processes([{"SLOT": "a"}])
    for name in ("one", "two"):
        processes.run(tmp_path / name, python(SAY))
        assert (tmp_path / name / "output.log").read_text() == "a"
        assert not (tmp_path / name / "failed.txt").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os; os.abort()", "killed by SIGABRT; see "),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL, often for a lack of memory; see "),
        ("raise SystemExit(3)", "ended with status 3; see "),
    ],
)
def test_a_process_that_dies_is_named_with_its_output(tmp_path: Path, text: str, said: str) -> None:
    Processes([{}]).run(tmp_path, python(text))
    assert (tmp_path / "failed.txt").read_text() == f"{said}{tmp_path}/output.log\n"


def test_what_a_dead_process_has_started_dies_with_it(tmp_path: Path) -> None:
    start = "import subprocess, sys, os; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); os.abort()"
    Processes([{}]).run(tmp_path, python(start))
    other = int((tmp_path / "output.log").read_text())
    deadline = time.monotonic() + PATIENCE
    while is_alive(other) and time.monotonic() < deadline:
        os.sched_yield()
    assert not is_alive(other)


def test_all_are_asked_to_end_and_none_is_started_after(tmp_path: Path) -> None:
    processes = Processes([{}])
    ends = "import signal, sys; signal.signal(15, lambda *_: sys.exit('in order'))"
    waits = f"{ends}; print('up', flush=True); signal.pause()"
    working = threading.Thread(target=processes.run, args=(tmp_path / "one", python(waits)))
    working.start()
    log = tmp_path / "one" / "output.log"
    while not (log.exists() and log.read_text()):
        os.sched_yield()
    processes.stop()
    working.join(PATIENCE)
    processes.run(tmp_path / "two", python(SAY))
    assert log.read_text() == "up\nin order\n"
    assert not (tmp_path / "one" / "failed.txt").exists()
    assert not (tmp_path / "two").exists()


def test_a_job_ends_when_the_process_that_started_it_is_no_more() -> None:
    with subprocess.Popen(python(f"{BEGIN}import signal; signal.pause()"), stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.close()  # as the kernel does for a process that was killed
        assert process.wait(PATIENCE) == -signal.SIGTERM


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
