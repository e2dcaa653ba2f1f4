"""Render: a score becomes sound, part by part, through the mixing desk."""

import numpy as np

from songmood.corpora.demo.attributes import Attributes
from songmood.corpora.demo.compose import compose, dynamics_curve
from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.drums import strike
from songmood.corpora.demo.effects import comb, drive, master, reverb, tilt
from songmood.corpora.demo.instruments import RATE, Samples, play
from songmood.corpora.demo.score import Note, Score
from songmood.corpora.demo.theory import frequency

_LEVELS = {"melody": 0.34, "harmony": 0.15, "bass": 0.26, "drums": 0.95}
_SENDS = {"melody": 0.9, "harmony": 1.0, "bass": 0.15, "drums": 0.35}  # to the reverb
_LATENESS = 0.006  # seconds: players are up to so much late
_LENGTH_GRID = 0.02  # seconds: notes whose lengths round to the same are the same recording


def synthesise(piece: Attributes, dice: Dice) -> Samples:
    """Compose and render a piece: float32 (S,) at RATE, its peak at `piece.loudness`."""
    return render(compose(piece, dice), piece, dice)


def render(score: Score, piece: Attributes, dice: Dice) -> Samples:
    """Play the score as the attributes say: float32 (S,) at RATE, S = piece.seconds * RATE."""
    num_samples = round(piece.seconds * RATE)
    parts = {name: np.zeros(num_samples, dtype=np.float32) for name in _LEVELS}
    _play_notes(score, piece, parts, dice)
    for hit in score.hits:
        gain = hit.velocity * _LEVELS["drums"] * _dynamics(hit.start, score, piece)
        _add(parts["drums"], strike(hit.drum), seconds_at(hit.start, score, piece), gain)
    if piece.drive > 0.0:
        parts["harmony"] = drive(parts["harmony"], piece.drive)
    if piece.echo > 0.0:
        dotted_eighth = 0.75 * score.seconds_per_beat
        parts["melody"] = comb(parts["melody"], dotted_eighth, 0.55 * piece.echo)
    mix = sum(parts.values(), np.zeros(num_samples, dtype=np.float32))
    if piece.reverb > 0.02:
        send = sum((np.float32(_SENDS[name]) * part for name, part in parts.items()), np.zeros_like(mix))
        mix += np.float32(0.9 * piece.reverb) * reverb(send, 0.5 + 3.5 * piece.reverb)
    return master(tilt(mix, 0.7 * piece.brightness), piece.loudness)


def _play_notes(score: Score, piece: Attributes, parts: dict[str, Samples], dice: Dice) -> None:
    recordings: dict[tuple[str, int, int], Samples] = {}  # music repeats itself: each note is synthesised once
    lateness = dice.uniforms(len(score.notes)) * _LATENESS
    for note, late in zip(score.notes, lateness, strict=True):
        length = max(1, round(note.length * score.seconds_per_beat / _LENGTH_GRID))
        key = (note.instrument, note.pitch, length)
        if key not in recordings:
            hertz = frequency(note.pitch, piece.tuning)
            recordings[key] = play(note.instrument, hertz, length * _LENGTH_GRID, piece.brightness)
        _add(parts[note.part], recordings[key], seconds_at(note.start, score, piece) + late, _gain(note, score, piece))


def _gain(note: Note, score: Score, piece: Attributes) -> float:
    return note.velocity * _LEVELS[note.part] * _dynamics(note.start, score, piece)


def _dynamics(beat: float, score: Score, piece: Attributes) -> float:
    return dynamics_curve(piece.dynamics, min(1.0, beat / (4.0 * score.num_bars)))


def seconds_at(beat: float, score: Score, piece: Attributes) -> float:
    """When a beat falls, in seconds; swing makes the first half of each beat longer than the second."""
    whole, part = divmod(beat, 1.0)
    late = piece.swing * (part if part < 0.5 else 1.0 - part)
    return (whole + part + late) * score.seconds_per_beat


def _add(part: Samples, sound: Samples, seconds: float, gain: float) -> None:
    start = round(seconds * RATE)
    stop = min(start + len(sound), len(part))
    if stop > start:
        part[start:stop] += np.float32(gain) * sound[: stop - start]
