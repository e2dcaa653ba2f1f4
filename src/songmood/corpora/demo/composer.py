"""Composer: attributes become a score of melody, harmony, bass and drums, in beats, before anything sounds."""

from typing import NamedTuple

import numpy as np

from songmood.corpora.demo.styles import Attributes
from songmood.corpora.demo.theory import (
    ARPEGGIO,
    BASS_PATTERNS,
    BEATS_PER_BAR,
    CADENCES,
    CHORD_PATTERNS,
    DRUM_PATTERNS,
    PROGRESSIONS,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    degree_pitch,
    triad,
    voice_lead,
)
from songmood.random_bits import Dice

RING = 3.0  # seconds at least that the last chord rings
_MIDDLE, _BASS = 60, 36  # pitches of the lowest tonic of the melody and of the bass, at register 0
_PLUCKED = frozenset({"piano", "guitar", "epiano", "bell", "marimba"})

_STEPS = (-2, -1, -1, 1, 1, 2, 0, 3, -3)  # in scale degrees: mostly stepwise, now and then a leap
_LOWEST, _HIGHEST = -3, 10  # degrees around the tonic within which a singer would stay
_PHRASE = 4  # bars

_VELOCITIES = {"x": 1.0, "o": 0.65, ".": 0.3}
_FILLS = {"rock": "tom_low", "pop": "snare", "four": "snare", "toms": "tom_high", "chip": "chip_snare"}


class Note(NamedTuple):
    """One pitched note of one part."""

    part: str  # "melody", "harmony" or "bass"
    instrument: str
    start: float  # beats
    length: float  # beats
    pitch: int  # MIDI
    velocity: float  # 0..1


class Hit(NamedTuple):
    """One stroke of a drum."""

    drum: str
    start: float  # beats
    velocity: float  # 0..1


class Score(NamedTuple):
    """A piece of `num_bars` bars of four beats and a last chord that rings."""

    seconds_per_beat: float
    num_bars: int
    notes: list[Note]
    hits: list[Hit]


Motif = list[tuple[float, int]]  # of a bar: the beat at which each note begins, and its step from the one before


class Tone(NamedTuple):
    """One melody note before it has a key."""

    start: float  # beats
    length: float  # beats
    degree: int
    velocity: float  # 0..1


def compose(piece: Attributes, dice: Dice) -> Score:
    """The score of a piece; the same attributes and dice give the same score."""
    seconds_per_bar = BEATS_PER_BAR * 60.0 / piece.tempo
    num_bars = max(2, int((piece.seconds - RING) / seconds_per_bar))
    progressions = PROGRESSIONS[piece.scale]
    progression = progressions[dice.below(len(progressions))]
    roots = [progression[bar % len(progression)] for bar in range(num_bars - 1)] + [CADENCES[piece.scale]]
    ring = piece.seconds / seconds_per_bar * BEATS_PER_BAR - num_bars * BEATS_PER_BAR
    entrance = 0 if num_bars < 6 else 2 if num_bars >= 12 else 1  # the melody lets the others begin
    tones = compose_melody(roots, entrance, piece.density, dice)
    notes = _harmony(piece, [*roots, 0], ring) + _bass(piece, roots, ring) + _melody(piece, tones, num_bars, ring)
    return Score(60.0 / piece.tempo, num_bars, notes, drum_hits(piece.drums, entrance // 2, num_bars, dice))


def _tonic(piece: Attributes, middle: int) -> int:
    """The tonic nearest to `middle`: keys a fifth apart do not differ in register by a fifth."""
    return middle - 6 + (piece.tonic - middle + 6) % 12


def _harmony(piece: Attributes, roots: list[int], ring: float) -> list[Note]:
    tonic = _tonic(piece, _MIDDLE + 12 * min(0, int(piece.register)) + (5 if piece.register > 0 else 0))
    voicing: tuple[int, ...] = triad(piece.scale, tonic, 0)
    notes = []
    for bar, root in enumerate(roots):
        voicing = voice_lead(triad(piece.scale, tonic, root), voicing)
        if bar == len(roots) - 1:
            strokes = [(0.0, ring * 0.8, pitch, 0.75) for pitch in voicing]
        elif piece.texture == "arpeggio":
            voices, ring_on = (*voicing, voicing[0] + 12), 1.8 if piece.harmony in _PLUCKED else 0.6
            strokes = [(i / 2, ring_on, voices[v], 0.8 if i % 4 == 0 else 0.65) for i, v in enumerate(ARPEGGIO)]
        else:
            chord = _power_chord(piece, tonic, root) if piece.texture == "power" else voicing
            strokes = [(beat, length, p, v) for beat, length, v in CHORD_PATTERNS[piece.texture] for p in chord]
        start = bar * BEATS_PER_BAR
        notes += [Note("harmony", piece.harmony, start + beat, length, p, v) for beat, length, p, v in strokes]
    return notes


def _power_chord(piece: Attributes, tonic: int, root: int) -> tuple[int, int, int]:
    """Root, fifth and octave low down: a third would turn to mud under overdrive."""
    low, fifth = (degree_pitch(piece.scale, tonic - 12, root % 7 + step) for step in (0, 4))
    while low > 50:
        low, fifth = low - 12, fifth - 12
    return low, fifth, low + 12


def _bass(piece: Attributes, roots: list[int], ring: float) -> list[Note]:
    instrument = "synth_bass" if piece.bass in ("offbeat", "octaves", "pulse") else "bass"
    velocity = 0.9
    if piece.bass == "drone":
        instrument = "pad" if piece.texture == "sustained" else "strings"
        velocity = 0.55  # a held bass would bury what stands above it
    tonic = _tonic(piece, _BASS + 2)
    notes = []
    for bar, root in enumerate(roots):
        for step, length, above in BASS_PATTERNS[piece.bass]:
            start = bar * BEATS_PER_BAR + step / STEPS_PER_BEAT
            pitch = degree_pitch(piece.scale, tonic, above + (root if root < 4 else root - 7))
            notes.append(Note("bass", instrument, start, length / STEPS_PER_BEAT * 0.92, pitch, velocity))
    last = Note("bass", instrument, len(roots) * BEATS_PER_BAR, ring * 0.6, tonic, velocity)
    return [*notes, last] if notes else []


def _melody(piece: Attributes, tones: list[Tone], num_bars: int, ring: float) -> list[Note]:
    tonic = _tonic(piece, _MIDDLE + 12 * int(piece.register) + 6)
    level = 0.25 + 0.75 * piece.melody_level
    home = Tone(num_bars * BEATS_PER_BAR, ring * 0.6, 7 if tones and tones[-1].degree > 3 else 0, 0.8)
    return [
        Note("melody", piece.lead, start, length, degree_pitch(piece.scale, tonic, degree), level * velocity)
        for start, length, degree, velocity in [*tones, home]
    ]


def draw_motif(density: float, dice: Dice) -> Motif:
    """A motif of about `density` notes per beat; strong positions are the likelier the sparser it is."""
    per_beat = 4 if density > 1.3 else 2
    grid = np.arange(BEATS_PER_BAR * per_beat) / per_beat
    count = min(len(grid), max(1, round(density * BEATS_PER_BAR)))
    weight = np.where(grid % 1 == 0, 3.0, np.where(grid % 0.5 == 0, 1.4, 0.5))
    weight[0] = 8.0
    # the keys of a weighted draw without replacement (Efraimidis and Spirakis, 2006)
    keys = dice.uniforms(len(grid)) ** (1.0 / weight)
    starts = sorted(grid[np.argsort(-keys, kind="stable")[:count]].tolist())
    return [(start, _STEPS[dice.below(len(_STEPS))]) for start in starts]


def compose_melody(roots: list[int], first_bar: int, density: float, dice: Dice) -> list[Tone]:
    """A melody over the triads on `roots`, one per bar, from `first_bar` on: phrases of a, a varied, b, cadence.

    Args:
        roots: the degree of each bar's chord.
        first_bar: bars before it are left to the accompaniment.
        density: notes per beat; below a quarter, bars stay empty.
        dice: the piece's own.
    """
    motifs = (draw_motif(density, dice), draw_motif(density, dice))
    tones: list[Tone] = []
    degree = dice.below(5)
    for bar in range(first_bar, len(roots)):
        place = (bar - first_bar) % _PHRASE
        is_cadence = place == _PHRASE - 1 or bar == len(roots) - 1
        if density < 0.25 and not is_cadence and dice.uniform() > 4.0 * density:
            continue
        motif = motifs[place == 2]
        if is_cadence:  # the first half of the motif, and a note on the third beat that is held
            motif = [*((start, step) for start, step in motifs[0] if start < 2.0), (2.0, -1)]
        elif place == 1:  # another end
            motif = [*motif[:-1], (motif[-1][0], _STEPS[dice.below(len(_STEPS))])]
        tones += _realised(motif, bar, roots[bar], degree, is_cadence)
        degree = tones[-1].degree
    return tones


def _realised(motif: Motif, bar: int, root: int, degree: int, is_cadence: bool) -> list[Tone]:
    """The motif's notes over one chord, from the last bar's degree on."""
    ends = (*(start for start, _ in motif[1:]), BEATS_PER_BAR - (0.75 if is_cadence else 0.0))  # for a breath
    tones = []
    for (start, step), end in zip(motif, ends, strict=True):
        degree += step
        if degree < _LOWEST or degree > _HIGHEST:
            degree -= 2 * step + (7 if degree > _HIGHEST + 4 else 0)
        if start % 2 == 0:
            degree = nearest_chord_degree(degree, root)
        accent = 0.95 if start == 0 else 0.85 if start % 1 == 0 else 0.7
        tones.append(Tone(bar * BEATS_PER_BAR + start, min(end - start, 3.5) * 0.94, degree, accent))
    return tones


def nearest_chord_degree(degree: int, root: int) -> int:
    """The degree nearest to `degree` that is root, third or fifth of the triad on `root`; the lower of two."""
    return min(range(degree - 3, degree + 4), key=lambda d: ((d - root) % 7 not in (0, 2, 4), abs(d - degree), d))


def drum_hits(pattern: str, first_bar: int, num_bars: int, dice: Dice) -> list[Hit]:
    """The hits of a pattern from `first_bar` to the end, slightly uneven; every fourth bar ends in a fill."""
    hits = []
    for bar in range(first_bar, num_bars):
        start = bar * BEATS_PER_BAR
        for drum, marks in DRUM_PATTERNS[pattern].items():
            if drum == "crash" and (bar - first_bar) % 4:
                continue  # a crash opens a phrase, not every bar
            for step, mark in enumerate(marks):
                if mark in _VELOCITIES:
                    velocity = _VELOCITIES[mark] * dice.uniform(0.88, 1.12)
                    hits.append(Hit(drum, start + step / STEPS_PER_BEAT, velocity))
        if bar % 4 == 3 and pattern in _FILLS:  # a run of the loudest voice, rising
            steps = range(12 if dice.uniform() < 0.6 else 14, STEPS_PER_BAR)
            hits += [Hit(_FILLS[pattern], start + step / STEPS_PER_BEAT, 0.4 + 0.04 * step) for step in steps]
    return hits
