"""Melody: motifs that are repeated, varied and brought to rest over the chords of four-bar phrases."""

from dataclasses import dataclass

import numpy as np

from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.score import BEATS_PER_BAR

_STEPS = (-2, -1, -1, 1, 1, 2, 0, 3, -3)  # in scale degrees: mostly stepwise, now and then a leap
_LOWEST, _HIGHEST = -3, 10  # degrees around the tonic within which a singer would stay
_PHRASE = 4  # bars


@dataclass(frozen=True)
class Motif:
    """One bar: where the notes begin, in beats, and by how many degrees each differs from the one before."""

    starts: tuple[float, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Tone:
    """One melody note."""

    start: float  # beats
    length: float  # beats
    degree: int
    velocity: float  # 0..1


def draw_motif(density: float, dice: Dice) -> Motif:
    """A motif of about `density` notes per beat; strong positions are the likelier the sparser it is."""
    per_beat = 4 if density > 1.3 else 2
    grid = np.arange(BEATS_PER_BAR * per_beat) / per_beat
    count = min(len(grid), max(1, round(density * BEATS_PER_BAR)))
    weight = np.where(grid % 1 == 0, 3.0, np.where(grid % 0.5 == 0, 1.4, 0.5))
    weight[0] = 8.0
    # the keys of a weighted draw without replacement (Efraimidis and Spirakis, 2006)
    keys = dice.uniforms(len(grid)) ** (1.0 / weight)
    starts = sorted(float(beat) for beat in grid[np.argsort(-keys, kind="stable")[:count]])
    return Motif(tuple(starts), tuple(_STEPS[dice.below(len(_STEPS))] for _ in range(count)))


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
        if is_cadence:
            motif = _cadence(motifs[0])
        elif place == 1:
            motif = _varied(motif, dice)
        degree = _realise(motif, bar, roots[bar], degree, is_cadence, tones)
    return tones


def _varied(motif: Motif, dice: Dice) -> Motif:
    """The motif with another end."""
    return Motif(motif.starts, (*motif.steps[:-1], _STEPS[dice.below(len(_STEPS))]))


def _cadence(motif: Motif) -> Motif:
    """The motif's first half and a note on the third beat that is held."""
    kept = [(start, step) for start, step in zip(motif.starts, motif.steps, strict=True) if start < 2.0]
    return Motif((*(start for start, _ in kept), 2.0), (*(step for _, step in kept), -1))


def _realise(motif: Motif, bar: int, root: int, degree: int, is_cadence: bool, tones: list[Tone]) -> int:
    """Append the motif's notes over one chord; the last degree comes back."""
    ends = (*motif.starts[1:], BEATS_PER_BAR - (0.75 if is_cadence else 0.0))  # a phrase ends with a breath
    for start, end, step in zip(motif.starts, ends, motif.steps, strict=True):
        degree += step
        if degree < _LOWEST or degree > _HIGHEST:
            degree -= 2 * step + (7 if degree > _HIGHEST + 4 else 0)
        if start % 2 == 0:
            degree = nearest_chord_degree(degree, root)
        accent = 0.95 if start == 0 else 0.85 if start % 1 == 0 else 0.7
        tones.append(Tone(bar * BEATS_PER_BAR + start, min(end - start, 3.5) * 0.94, degree, accent))
    return degree


def nearest_chord_degree(degree: int, root: int) -> int:
    """The degree nearest to `degree` that is root, third or fifth of the triad on `root`; the lower of two."""
    return min(range(degree - 3, degree + 4), key=lambda d: ((d - root) % 7 not in (0, 2, 4), abs(d - degree), d))
