"""Score: the notes and the drum hits of a piece, in beats, before anything sounds."""

from dataclasses import dataclass

BEATS_PER_BAR = 4


@dataclass(frozen=True)
class Note:
    """One pitched note of one part."""

    part: str  # "melody", "harmony" or "bass"
    instrument: str
    start: float  # beats
    length: float  # beats
    pitch: int  # MIDI
    velocity: float  # 0..1


@dataclass(frozen=True)
class Hit:
    """One stroke of a drum."""

    drum: str
    start: float  # beats
    velocity: float  # 0..1


@dataclass(frozen=True)
class Score:
    """A piece of `num_bars` bars of four beats and a last chord that rings."""

    tempo: float  # beats per minute
    num_bars: int
    notes: tuple[Note, ...]
    hits: tuple[Hit, ...]

    @property
    def seconds_per_beat(self) -> float:
        """Length of a beat in seconds."""
        return 60.0 / self.tempo
