"""Who brings what: which parts of which tracks are settled, and by which job each may be delivered."""

import logging
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from songmood.cache.header import PENDING
from songmood.cache.plan import PARTS, CachePlan, Job

logger = logging.getLogger(__name__)

NOBODY = -1


class Ledger:
    """The state of a build in the parent process.

    Args:
        plan: names the tracks.
        states: for each part (N,) what an earlier, killed build has settled.
    """

    def __init__(self, plan: CachePlan, states: dict[str, NDArray[np.uint8]]) -> None:
        self._index = plan.index
        self._is_settled = {part: state != PENDING for part, state in states.items()}
        self._owner = {part: np.full(len(plan.tracks), NOBODY, np.int32) for part in states}

    @property
    def num_complete(self) -> int:
        """Tracks of which nothing is missing."""
        return int(np.logical_and.reduce(list(self._is_settled.values())).sum())

    def parts(self, job: Job) -> tuple[str, ...]:
        """What a job brings that the cache has a place for."""
        return tuple(part for part in getattr(job, "delivers", PARTS) if part in self._is_settled)

    def admit(self, number: int, job: Job) -> bool:
        """Notes what a job will bring; False where all of it is there already."""
        if job.stems is None:
            return True
        is_needed = False
        for stem in job.stems:
            index = self._index.get(stem)
            for part in self.parts(job) if index is not None else ():
                self._owner[part][index] = number if self._owner[part][index] == NOBODY else self._owner[part][index]
                is_needed |= self._owner[part][index] == number and not self._is_settled[part][index]
        return is_needed

    def claim(self, number: int, job: Job, stem: str) -> tuple[int, tuple[str, ...]]:
        """The row of a stem, and the parts that this job may deliver for it; the first to ask gets what nobody owns.

        A part goes to one job and once, so two processes never write the same bytes and which of two doubles is kept
        depends on the order of the jobs alone, where they say what they bring.
        """
        index = self._index.get(stem)
        if index is None:  # a source may hold more than the corpus asks for
            return NOBODY, ()
        granted = []
        for part in self.parts(job):
            owner = self._owner[part][index]
            if owner not in (NOBODY, number):
                logger.warning("%s: %s comes from an earlier source too, which is kept", job.name, stem)
            elif job.stems is not None and owner == NOBODY:
                logger.warning("%s: %s was not announced and is ignored", job.name, stem)
            elif not self._is_settled[part][index]:
                self._owner[part][index] = number
                granted.append(part)
        return index, tuple(granted)

    def settle(self, index: int, parts: Iterable[str]) -> bool:
        """These parts of a track are on the disk; True where the track is complete by it."""
        for part in parts:
            self._is_settled[part][index] = True
        return all(settled[index] for settled in self._is_settled.values())
