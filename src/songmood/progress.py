"""Progress for work that takes longer than two seconds: a bar on a terminal, two log lines elsewhere."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

logger = logging.getLogger(__name__)

QUIET_SECONDS = 1.0  # a bar that flashes up for less is noise


class RateColumn(ProgressColumn):
    """Units per second over the last half minute."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """The rate, or nothing before the second step."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f} {self.unit}/s" if speed else "", style="progress.data.speed")


class Meter:
    """What `progress` hands out: counts, and moves the bar where there is one. Threads may share it."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.done = 0
        self._bar: Progress | None = None
        self._lock = threading.Lock()

    def advance(self, amount: int = 1) -> None:
        """`amount` more units are done."""
        with self._lock:
            self.done += amount
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], completed=self.done)

    def show(self, bar: Progress, description: str) -> None:
        """Starts `bar` at the count so far."""
        with self._lock:
            bar.add_task(description, total=self.total, completed=self.done)
            bar.start()
            self._bar = bar

    def close(self) -> None:
        """Leaves the bar's last state on the terminal."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
                self._bar = None


@contextmanager
def progress(description: str, total: int | None, unit: str) -> Iterator[Meter]:
    """Shows what is done, what is left and the rate while the block runs.

    On a terminal (stderr) a bar appears after a second; elsewhere the log gets a line at the start and one at the end.

    Args:
        description: what is being done, such as ``"writing the cache"``.
        total: units in all; None where nobody knows.
        unit: the plural of what is counted, such as ``"tracks"``.
    """
    meter = Meter(total)
    start = time.monotonic()
    if sys.stderr.isatty():
        timer = threading.Timer(QUIET_SECONDS, meter.show, (_bar(unit, total), description))
        timer.daemon = True
        timer.start()
        try:
            yield meter
        finally:
            timer.cancel()
            timer.join()  # or a bar that is just starting would outlive the block
            meter.close()
        return
    logger.info("%s: %s", description, f"{total:,} {unit}" if total is not None else unit)
    try:
        yield meter
    finally:
        seconds = time.monotonic() - start
        rate = meter.done / seconds if seconds else 0.0
        logger.info("%s: %s %s in %.1f s (%.1f/s)", description, f"{meter.done:,}", unit, seconds, rate)


def _bar(unit: str, total: int | None) -> Progress:
    known = [MofNCompleteColumn(), TextColumn(unit), RateColumn(unit), TimeElapsedColumn()]
    if total is not None:
        known += [TextColumn("left"), TimeRemainingColumn()]
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), *known, console=Console(file=sys.stderr)
    )
