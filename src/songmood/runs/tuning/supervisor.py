"""The supervisor of a study: asks for trials, carries each out in a process of its own, counts to the number wanted."""

import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from songmood.runs.sweeps.slots import OUTPUT, Processes
from songmood.runs.tuning.space import Space
from songmood.runs.tuning.study import FAILURE, sampler_of, trial_of

log = logging.getLogger(__name__)


class Supervisor:
    """Trials side by side until a study has the number wanted.

    A trial whose process is killed goes on from its last checkpoint; one that is killed twice has failed, as one has
    that ends by itself without a result. So each trial has one end in the journal, whatever is killed, and when.

    Args:
        study: with trials that an earlier one may have left running.
        space: what is searched.
        folder: the study's.
        wanted: trials that the study is to have in the end.
    """

    def __init__(self, study: optuna.Study, space: Space, folder: Path, wanted: int) -> None:
        self._study, self._space, self._folder, self._wanted = study, space, folder, wanted
        self._left = [trial.number for trial in self._trials() if trial.state == TrialState.RUNNING]
        self._lock = threading.Lock()
        self._processes = Processes(())

    def run(self, slots: Sequence[Mapping[str, str]]) -> None:
        """Carry the trials out, as many at a time as there are slots of the machine, each in one of them."""
        self._processes = Processes(slots)
        with ThreadPoolExecutor(len(slots)) as pool:
            workers = [pool.submit(self._work) for _ in slots]
            try:
                for worker in as_completed(workers):
                    worker.result()
            except BaseException:  # Ctrl-C too
                self._processes.stop()
                raise

    def _work(self) -> None:
        while (number := self._next()) is not None:
            self._carry_out(number)

    def _next(self) -> int | None:
        """A trial to carry out: one that was left, or a new one."""
        with self._lock:
            is_new = not self._left
            begun = sum(trial.state != TrialState.WAITING for trial in self._trials())
            if self._processes.is_stopping or (is_new and begun >= self._wanted):
                return None
            number = begun if is_new else self._left.pop(0)
            self._study.sampler = sampler_of(number)
            trial = self._study.ask() if is_new else trial_of(self._study, number)
            self._space.suggest(trial)
            return number

    def _carry_out(self, number: int) -> None:
        place = self._folder / "trials" / f"{number:04d}"
        for _ in range(2):
            status = self._start(number, place)
            trial = self._trials()[number]
            if self._processes.is_stopping or trial.state.is_finished() or status > 0:
                break
        if not (self._processes.is_stopping or trial.state.is_finished()):
            self._fail(number, status, place / OUTPUT)
        self._tell_of(self._trials()[number])

    def _start(self, number: int, place: Path) -> int:
        """The exit status of the trial's process, negative for a signal."""
        command = [sys.executable, "-m", f"{__package__}.trial", str(self._folder), str(number)]
        return self._processes.run(place, command)

    def _fail(self, number: int, status: int, output: Path) -> None:
        lines = [line.strip() for line in output.read_text(encoding="utf-8", errors="replace").splitlines()]
        said = next((line for line in reversed(lines) if line), "it printed nothing")
        reason = f"killed twice by signal {-status}" if status < 0 else said
        trial_of(self._study, number).set_user_attr(FAILURE, reason)
        self._study.tell(number, state=TrialState.FAIL)

    def _tell_of(self, trial: FrozenTrial) -> None:
        ended = sum(other.state.is_finished() for other in self._trials())
        if trial.state == TrialState.COMPLETE:
            what = f"{trial.value:.4f} (best so far {self._study.best_value:.4f})"
        elif FAILURE in trial.user_attrs:
            what = f"failed: {trial.user_attrs[FAILURE]}"
        elif trial.state == TrialState.PRUNED:
            what = f"pruned after epoch {trial.last_step} at {trial.value:.4f}"
        else:
            return
        log.info("[%d/%d] trial %d: %s", ended, self._wanted, trial.number, what)

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)
