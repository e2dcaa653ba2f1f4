"""What became of each track of a build, and how it is told."""

import logging
from dataclasses import dataclass
from pathlib import Path

from songmood.cache.finish import NOT_DELIVERED
from songmood.cache.header import LEFT_OUT, WRITTEN, Columns
from songmood.cache.partial import decode_note
from songmood.cache.plan import CachePlan
from songmood.errors import CorpusError

logger = logging.getLogger(__name__)

NAMED = 10  # tracks in the console's summary; the log has all


@dataclass(frozen=True)
class BuildReport:
    """What became of the tracks.

    Attributes:
        written: how many are in the cache.
        left_out: track id to reason.
        notes: track id to what a user should know about a track that was kept.
    """

    written: int
    left_out: dict[str, str]
    notes: dict[str, str]

    def check(self, strict: bool) -> None:
        """CorpusError where nothing is left to make a cache of, or where strictness forbids it."""
        if not self.left_out or (self.written and not strict):
            return
        track_id, reason = next(iter(self.left_out.items()))
        if not self.written:
            raise CorpusError(f"none of the {len(self.left_out):,} tracks can be used; the first, {track_id}: {reason}")
        raise CorpusError(strictly(track_id, reason))

    def log(self, path: Path) -> None:
        """Every track that is not as it should be at level INFO, a summary of those left out at WARNING."""
        for track_id, reason in self.left_out.items():
            logger.info("left out %s: %s", track_id, reason)
        for track_id, note in self.notes.items():
            logger.info("%s: %s", track_id, note)
        count = self.written + len(self.left_out)
        logger.info("%s holds %d of %d tracks", path, self.written, count)
        if self.left_out:
            named = [f"{track_id} ({reason})" for track_id, reason in list(self.left_out.items())[:NAMED]]
            more = f" and {len(self.left_out) - NAMED:,} more, all in the log" if len(self.left_out) > NAMED else ""
            logger.warning("left out %d of %d tracks: %s%s", len(self.left_out), count, ", ".join(named), more)


def refuse_earlier(plan: CachePlan, columns: Columns) -> None:
    """CorpusError for the first track that a killed build has left out, for a strict one that goes on with it."""
    for row in (columns.mel_state == LEFT_OUT).nonzero()[0][:1].tolist():
        raise CorpusError(strictly(plan.tracks[row].track_id, decode_note(columns.mel_note[row])))


def strictly(name: str, reason: str) -> str:
    """The message of a strict build."""
    return f"{name}: {reason} (strict; without it the track would be left out)"


def outcome(plan: CachePlan, columns: Columns) -> BuildReport:
    """The report of a build whose sources have all been read."""
    left_out, notes = {}, {}
    reasons, remarks = columns.mel_note.tolist(), columns.features_note.tolist()
    for row, track in enumerate(plan.tracks):
        if columns.mel_state[row] != WRITTEN:
            left_out[track.track_id] = decode_note(reasons[row]) or NOT_DELIVERED
        elif reasons[row] or remarks[row]:
            notes[track.track_id] = "; ".join(decode_note(note) for note in (reasons[row], remarks[row]) if note)
    return BuildReport(len(plan.tracks) - len(left_out), left_out, notes)
