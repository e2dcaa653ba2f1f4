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
    """What `progress` hands out: counts, on the bar. Threads may share it.

    Args:
        bar: with one task; it counts whether it is shown or not.
    """

    def __init__(self, bar: Progress) -> None:
        self.bar = bar

    @property
    def done(self) -> int:
        """Units so far."""
        return int(self.bar.tasks[0].completed)

    def advance(self, amount: int = 1) -> None:
        """`amount` more units are done."""
        self.bar.advance(self.bar.task_ids[0], amount)


@contextmanager
def progress(description: str, total: int | None, unit: str) -> Iterator[Meter]:
    """Shows what is done, what is left and the rate while the block runs.

    On a terminal (stderr) a bar appears after a second; elsewhere the log gets a line at the start and one at the end.

    Args:
        description: what is being done, such as ``"writing the cache"``.
        total: units in all; None where nobody knows.
        unit: the plural of what is counted, such as ``"tracks"``.
    """
    bar = _bar(unit, total)
    bar.add_task(description, total=total)
    meter, start = Meter(bar), time.monotonic()
    if sys.stderr.isatty():
        timer = threading.Timer(QUIET_SECONDS, bar.start)
        timer.daemon = True
        timer.start()
        try:
            yield meter
        finally:
            timer.cancel()
            timer.join()  # or a bar that is just starting would outlive the block
            if bar.live.is_started:
                bar.stop()
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
