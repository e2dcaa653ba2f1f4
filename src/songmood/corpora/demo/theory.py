"""Scales, chords and progressions: which pitches sound together, and what follows what.

Pitches are MIDI numbers (69 is the A of 440 Hz). Degrees count the notes of a scale from its tonic, 0 the tonic, 7 the
tonic an octave above, -1 the note below it.
"""

import itertools

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}

# Four bars each, as the degrees of the triads' roots; all of them lead back to their beginning.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 3), (0, 3, 0, 4), (0, 2, 3, 4)),
    "lydian": ((0, 1, 0, 1), (0, 1, 4, 0), (0, 4, 1, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 3, 0, 6)),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 2, 3, 3)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (0, 5, 3, 4), (0, 3, 5, 6)),
    "phrygian": ((0, 1, 0, 6), (0, 5, 1, 0), (0, 3, 1, 0)),
}

# The triad before the last one: the dominant where the scale has one that pulls, else its substitute.
CADENCES = {"major": 4, "lydian": 4, "mixolydian": 6, "dorian": 6, "minor": 6, "phrygian": 1}


def is_major(scale: str) -> bool:
    """Whether the third above the tonic is a major one."""
    return SCALES[scale][2] == 4


def frequency(pitch: float, cents: float = 0.0) -> float:
    """Hertz of a MIDI pitch in equal temperament, `cents` hundredths of a semitone off A 440."""
    return float(440.0 * 2.0 ** ((pitch - 69.0 + cents / 100.0) / 12.0))


def degree_pitch(scale: str, tonic: int, degree: int) -> int:
    """The pitch of a scale degree above (or below) the tonic's pitch."""
    octave, step = divmod(degree, 7)
    return tonic + 12 * octave + SCALES[scale][step]


def triad(scale: str, tonic: int, root: int) -> tuple[int, int, int]:
    """Root, third and fifth of the triad on a degree, in close position."""
    first, third, fifth = (degree_pitch(scale, tonic, root + step) for step in (0, 2, 4))
    return first, third, fifth


def voice_lead(chord: tuple[int, ...], previous: tuple[int, ...]) -> tuple[int, ...]:
    """The chord's pitch classes placed so that the voices move least from the previous chord.

    Args:
        chord: pitches of which only the class counts.
        previous: as many pitches, rising.

    Returns:
        Rising pitches. Ties go to the lower placing, so that the choice is always the same.
    """
    centre = sum(previous) // len(previous)
    choices = [[octave * 12 + pitch % 12 for octave in range(centre // 12 - 1, centre // 12 + 2)] for pitch in chord]
    placings = (tuple(sorted(placing)) for placing in itertools.product(*choices))
    return min(placings, key=lambda p: (sum(abs(a - b) for a, b in zip(p, previous, strict=True)), p))
