"""Jobs from an iterable that may block, such as downloads, taken one ahead in a thread of its own."""

import multiprocessing
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

J = TypeVar("J")


class Feeder(Generic[J]):
    """Takes the next job while the caller does something else; `wake` is readable when `take` has an answer.

    The iterable runs in the feeder's thread from its first item to its end. A thread that waits within it when the
    feeder is closed is left to end with whatever it waits for.
    """

    def __init__(self, jobs: Iterable[J]) -> None:
        self.wake, self._bell = multiprocessing.Pipe(duplex=False)
        self._jobs: Iterator[J] = iter(jobs)
        self._slot: list[J] = []
        self._error: BaseException | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self._room = threading.Semaphore(1)
        threading.Thread(target=self._feed, name="jobs", daemon=True).start()

    def take(self) -> J | None:
        """The next job; None after the last. What the iterable raised is raised here."""
        self.wake.recv_bytes()
        if self._error is not None:
            raise self._error
        if not self._slot:
            return None
        job = self._slot.pop()
        self._room.release()
        return job

    def close(self) -> None:
        """Takes no further job."""
        with self._lock:
            self._is_closed = True
            self.wake.close()
            self._bell.close()
        self._room.release()

    def _feed(self) -> None:
        try:
            while True:
                self._room.acquire()
                if self._is_closed:
                    return
                try:
                    job = next(self._jobs)
                except StopIteration:
                    return
                self._slot.append(job)
                self._ring()
        except BaseException as error:  # raised again by `take`, in the thread that asked
            self._error = error
        finally:
            getattr(self._jobs, "close", bool)()  # a generator lets go of its downloads
            self._ring()

    def _ring(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._bell.send_bytes(b"")
