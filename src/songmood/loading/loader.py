"""The loader: what Lightning iterates to get batches."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from songmood.loading.batch import Batch
from songmood.loading.gather import HostWindows, ResidentWindows
from songmood.loading.sampler import EvaluationBatches, TrainingBatches

AHEAD = 2  # batches in work for each thread: one that it reads, and one that it finds waiting after it


class Loader:
    """Batches, a new pass with each iteration; read ahead in `num_workers` threads, or when they are asked for.

    A window is one large copy, during which NumPy lets go of the interpreter: threads read side by side with each other
    and with training, and unlike processes they share memory, start at once and leave nothing behind.
    """

    def __init__(
        self,
        windows: HostWindows | ResidentWindows,
        batches: TrainingBatches | EvaluationBatches,
        num_workers: int = 0,
    ) -> None:
        self.windows = windows
        self._batches = batches
        self._num_workers = num_workers

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        return self._read_ahead() if self._num_workers else map(self.windows.batch, self._batches)

    def _read_ahead(self) -> Iterator[Batch]:
        picks = iter(self._batches)
        threads = ThreadPoolExecutor(self._num_workers, "windows")
        try:
            started = deque(threads.submit(self.windows.batch, one) for one in islice(picks, AHEAD * self._num_workers))
            while started:
                batch = started.popleft().result()
                started.extend(threads.submit(self.windows.batch, one) for one in islice(picks, 1))
                yield batch
        finally:  # also where the pass is broken off
            threads.shutdown(cancel_futures=True)
