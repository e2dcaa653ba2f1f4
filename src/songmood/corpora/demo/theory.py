"""Theory: scales, chords and progressions, and the patterns of chords, bass and drums that players know by heart.

Pitches are MIDI numbers (69 is the A of 440 Hz). Degrees count the notes of a scale from its tonic, 0 the tonic, 7 the
tonic an octave above, -1 the note below it. Bars have four beats, and patterns a grid of sixteenths.
"""

import itertools

BEATS_PER_BAR = 4
STEPS_PER_BEAT = 4
STEPS_PER_BAR = STEPS_PER_BEAT * BEATS_PER_BAR

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

# When the chord of a bar is struck, (beat, length, velocity), in the textures that strike its voices together.
CHORD_PATTERNS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "sustained": ((0.0, 3.88, 0.7),),
    "comp": ((0.0, 0.776, 0.75), (1.5, 0.388, 0.6), (2.5, 0.776, 0.7), (3.5, 0.388, 0.55)),
    "power": tuple((step / 2, 0.46, 0.9 if step % 4 == 0 else 0.7) for step in range(8)),
}
ARPEGGIO = (0, 1, 2, 3, 2, 1, 2, 1)  # voices of the eighths of a bar; 3 is the lowest one an octave above

# One bar each: x an accent, o a stroke, . a ghost note, - silence; the names are those of DRUMS.
DRUM_PATTERNS: dict[str, dict[str, str]] = {
    "none": {},
    "heartbeat": {"boom": "o-------.-------"},
    "brushes": {"rim": "----.-------.---", "shaker": "o-.-o-.-o-.-o-.-"},
    "shaker": {"shaker": "o.o.o.o.o.o.o.o.", "rim": "----o-------o---", "kick": "o-------o-------"},
    "pop": {"kick": "x-----o-x-------", "snare": "----x-------x---", "hat": "o-o-o-o-o-o-o-o-"},
    "rock": {
        "kick": "x---x-o-x---x-o-",
        "snare": "----x-------x---",
        "crash": "x---------------",
        "hat": "x-x-x-x-x-x-x-x-",
    },
    "four": {
        "kick": "x---x---x---x---",
        "clap": "----x-------x---",
        "hat": "..-...-...-...-.",
        "open_hat": "--x---x---x---x-",
    },
    "funk": {"kick": "x--o--o---o--o--", "snare": "----x--.-.--x--.", "hat": "o.ooo.ooo.ooo.oo"},
    "toms": {"boom": "x-----o-x-o-----", "tom_low": "--o-o---o---o-o-", "tom_high": "------o-----o-oo"},
    "chip": {"chip_kick": "x---o---x---o---", "chip_snare": "----x-------x---", "hat": "o---o---o---o---"},
}
SOFT_DRUMS = frozenset({"none", "heartbeat", "brushes"})
HARD_DRUMS = frozenset({"rock", "four", "toms", "pop", "chip"})

# One bar each: (sixteenth, length in sixteenths, scale steps above the chord's root).
BASS_PATTERNS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "none": (),
    "drone": ((0, 16, 0),),
    "fifths": ((0, 7, 0), (8, 7, 4)),
    "pulse": tuple((step, 2, 0) for step in range(0, 16, 2)),
    "offbeat": tuple((step, 2, 0) for step in range(2, 16, 4)),
    "funk": ((0, 2, 0), (3, 1, 0), (6, 2, 7), (8, 1, 0), (10, 2, 4), (13, 1, 6), (14, 2, 7)),
    "octaves": tuple((step, 2, 7 * (step // 2 % 2)) for step in range(0, 16, 2)),
}


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
