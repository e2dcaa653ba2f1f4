"""The checkpoints of a run are there from its first step on, on however many processes."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from tiny import ROOT, training_command, write_corpus

LATE = '''
import time

import pytorch_lightning as pl


class Late(pl.Callback):
    """The second process comes when the first has written its checkpoint, or would wait for the second to write it."""

    def __init__(self, path):
        self.path = path

    def on_train_start(self, trainer, module):
        import pathlib

        for _ in range(200 * trainer.global_rank):
            if pathlib.Path(self.path).exists():
                break
            time.sleep(0.01)
'''


def test_a_process_that_comes_late_finds_the_other_waiting_for_it(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE)
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    command = training_command(
        write_corpus(tmp_path / "corpus"),
        tmp_path / "run",
        *("trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=1", "threads=1"),
        *("+callbacks.late._target_=late.Late", f"+callbacks.late.path={last}"),
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT / "src")))}
    started = subprocess.Popen(
        command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, said = started.communicate(timeout=250)  # it used to hang for ever
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
    assert started.returncode == 0, said
    assert last.is_file()
