"""A track's frames, as they come, cut into the windows that a network looks through."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]


class Windower:
    """Cuts a stream of frames into overlapping windows that cover it whole.

    There is one every `hop` frames, and the last one ends where the track ends. A track shorter than a window is
    repeated from its start, as in training. Little more than a window is held, however long the stream is.

    Args:
        window: frames of a window, T.
        hop: frames from one window's start to the next one's; above `window`, frames between are not seen.

    Attributes:
        num_frames: how many have come.
        starts: the first frame of each window so far.
    """

    def __init__(self, window: int, hop: int) -> None:
        self.num_frames = 0
        self.starts: list[int] = []
        self._window = window
        self._hop = hop
        self._held: Frames | None = None  # the frames from number `_first` on
        self._first = 0

    def feed(self, frames: Frames) -> Iterator[Frames]:
        """The windows (T, bands) that are whole once `frames` (n, bands) have come."""
        self._held = frames if self._held is None else np.concatenate([self._held, frames])
        self.num_frames += len(frames)
        while self._next_start + self._window <= self.num_frames:
            yield self._cut(self._next_start)
        # The last window may start anywhere behind the newest one, but not more than a window before the end.
        needed = max(min(self._next_start, self.num_frames - self._window), 0)
        self._held = self._held[needed - self._first :]
        self._first = needed

    def end(self) -> Iterator[Frames]:
        """The last window, where the track goes on behind the newest one, or the only one of a short track."""
        last = self.num_frames - self._window
        if last >= 0:
            if not self.starts or last > self.starts[-1]:
                yield self._cut(last)
        elif self._held is not None and self.num_frames:
            self.starts.append(0)
            yield self._held[np.arange(self._window) % self.num_frames]

    @property
    def _next_start(self) -> int:
        return self.starts[-1] + self._hop if self.starts else 0

    def _cut(self, start: int) -> Frames:
        assert self._held is not None
        self.starts.append(start)
        return self._held[start - self._first : start - self._first + self._window]
