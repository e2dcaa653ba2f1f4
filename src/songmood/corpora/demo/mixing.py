"""Mixing: a score is played part by part, through effects, to the finished signal.

Effects are additions and multiplications of shifted blocks, exact on any machine; a recursion runs a block of one delay
at a time.
"""

import math

import numpy as np

from songmood.corpora.demo.composer import Score, compose
from songmood.corpora.demo.instruments import RATE, Samples, play, strike
from songmood.corpora.demo.styles import Attributes
from songmood.corpora.demo.theory import frequency
from songmood.random_bits import Dice

_LEVELS = {"melody": 0.34, "harmony": 0.15, "bass": 0.26, "drums": 0.95}
_SENDS = {"melody": 0.9, "harmony": 1.0, "bass": 0.15, "drums": 0.35}  # to the reverb
_LATENESS = 0.006  # seconds: players are up to so much late
_LENGTH_GRID = 0.02  # seconds: notes whose lengths round to the same are the same recording
_COMBS = (0.0297, 0.0371, 0.0411, 0.0437, 0.0533)  # seconds; no common divisor, so that echoes do not pile up
_TAPS = ((0.0043, 0.8), (0.0107, -0.7), (0.0151, 0.6), (0.0233, -0.5), (0.0299, 0.45), (0.0391, -0.4))  # seconds, level


def synthesise(piece: Attributes, dice: Dice) -> Samples:
    """Compose, play and mix a piece: float32 (S,) at RATE, S = piece.seconds * RATE, its peak at `piece.loudness`."""
    score = compose(piece, dice)
    parts = _play(score, piece, dice)
    parts["harmony"] = drive(parts["harmony"], piece.drive)
    if piece.echo > 0.0:
        dotted_eighth = 0.75 * score.seconds_per_beat
        parts["melody"] = comb(parts["melody"], dotted_eighth, 0.55 * piece.echo)
    silence = np.zeros(round(piece.seconds * RATE), dtype=np.float32)
    mix = sum(parts.values(), silence)
    if piece.reverb > 0.02:
        send = sum((np.float32(_SENDS[name]) * part for name, part in parts.items()), silence)
        mix += np.float32(0.9 * piece.reverb) * reverb(send, 0.5 + 3.5 * piece.reverb)
    return master(tilt(mix, 0.7 * piece.brightness), piece.loudness)


def _play(score: Score, piece: Attributes, dice: Dice) -> dict[str, Samples]:
    """The signal (S,) of each part, without effects."""
    num_samples = round(piece.seconds * RATE)
    parts = {name: np.zeros(num_samples, dtype=np.float32) for name in _LEVELS}

    def add(part: str, sound: Samples, beat: float, velocity: float, late: float = 0.0) -> None:
        gain = velocity * _LEVELS[part] * dynamics_curve(piece.dynamics, min(1.0, beat / (4.0 * score.num_bars)))
        start = round((seconds_at(beat, score, piece) + late) * RATE)
        stop = min(start + len(sound), num_samples)
        if stop > start:
            parts[part][start:stop] += np.float32(gain) * sound[: stop - start]

    recordings: dict[tuple[str, int, int], Samples] = {}  # music repeats itself: each note is synthesised once
    lateness = dice.uniforms(len(score.notes)) * _LATENESS
    for note, late in zip(score.notes, lateness, strict=True):
        length = max(1, round(note.length * score.seconds_per_beat / _LENGTH_GRID))
        key = (note.instrument, note.pitch, length)
        if key not in recordings:
            hertz = frequency(note.pitch, piece.tuning)
            recordings[key] = play(note.instrument, hertz, length * _LENGTH_GRID, piece.brightness)
        add(note.part, recordings[key], note.start, note.velocity, late)
    for hit in score.hits:
        add("drums", strike(hit.drum), hit.start, hit.velocity)
    return parts


def seconds_at(beat: float, score: Score, piece: Attributes) -> float:
    """When a beat falls, in seconds; swing makes the first half of each beat longer than the second."""
    whole, part = divmod(beat, 1.0)
    late = piece.swing * (part if part < 0.5 else 1.0 - part)
    return (whole + part + late) * score.seconds_per_beat


def dynamics_curve(shape: str, progress: float) -> float:
    """The gain at a place in the piece, 0 (beginning) to 1 (end)."""
    if shape == "crescendo":
        return 0.22 + 0.78 * progress
    if shape == "swell":
        return 0.62 - 0.38 * math.cos(4.0 * math.pi * progress)
    return 1.0


def comb(samples: Samples, delay: float, feedback: float) -> Samples:
    """The signal and its echoes every `delay` seconds, each `feedback` times the one before."""
    step = round(delay * RATE)
    wet = samples.copy()
    gain = np.float32(feedback)
    for start in range(step, len(wet), step):
        block = wet[start : start + step]
        block += gain * wet[start - step : start - step + len(block)]
    return wet


def darker(samples: Samples) -> Samples:
    """The mean of neighbours, twice: 6 dB less at a quarter of the rate, nothing left at half of it."""
    smooth = samples.copy()
    smooth[1:-1] = np.float32(0.5) * samples[1:-1] + np.float32(0.25) * (samples[:-2] + samples[2:])
    return smooth


def reverb(samples: Samples, seconds: float) -> Samples:
    """The room's answer alone (S,): early reflections, then five combs that fall by 60 dB in `seconds`."""
    early = samples.copy()
    for delay, level in _TAPS:
        step = round(delay * RATE)
        early[step:] += np.float32(level) * samples[:-step]
    early = darker(darker(early))
    late = np.zeros_like(early)
    for index, delay in enumerate(_COMBS):
        echoes = comb(early, delay, 10.0 ** (-3.0 * delay / seconds))
        late += echoes if index % 2 else -echoes
    # the energy of a comb grows with its feedback: this keeps short and long rooms alike in level
    feedback = 10.0 ** (-3.0 * 0.041 / seconds)
    return late * np.float32(0.35 * (1.0 - feedback * feedback) ** 0.5)


def tilt(samples: Samples, brightness: float) -> Samples:
    """More (up to 1) or less (down to -1) of what lies above some 3 kHz."""
    body = darker(darker(samples))
    gain = 1.0 + brightness if brightness < 0 else 1.0 + 1.5 * brightness
    return body + np.float32(gain) * (samples - body)


def drive(samples: Samples, amount: float) -> Samples:
    """Overdrive from none (0) to heavy (1), of the same peak as what came in."""
    peak = float(np.abs(samples).max(initial=0.0))
    if amount <= 0.0 or peak == 0.0:
        return samples
    pushed = samples * np.float32((1.0 + 14.0 * amount) / peak)
    shaped = darker(pushed / (np.float32(1.0) + np.abs(pushed)))
    return shaped * np.float32(peak / float(np.abs(shaped).max()))


def master(samples: Samples, peak: float) -> Samples:
    """The finished signal: no DC, the greatest peak at `peak` of full scale, the ends faded.

    Loud pieces are pushed further into a rounded limiter, as loud records are: they are denser, not only higher.
    """
    centred = samples - np.float32(samples.mean(dtype=np.float64))
    loud = float(np.abs(centred).max(initial=0.0))
    if loud > 0.0:
        centred *= np.float32((0.5 + 3.0 * peak * peak) / loud)
        centred /= np.float32(1.0) + np.float32(0.4) * np.abs(centred)
        centred *= np.float32(peak / float(np.abs(centred).max()))
    rise, fall = round(0.01 * RATE), round(1.2 * RATE)
    if len(centred) > rise + fall:
        centred[:rise] *= np.arange(rise, dtype=np.float32) / np.float32(rise)
        centred[-fall:] *= np.arange(fall - 1, -1, -1, dtype=np.float32) / np.float32(fall)
    return centred
