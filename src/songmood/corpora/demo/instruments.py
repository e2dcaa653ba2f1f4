"""Instruments: a pitch and a length, or the name of a drum, become the samples of one note.

A note is read from wave tables by an integer phase, so that it takes IEEE additions and multiplications only. Sines and
exponentials, which differ in the last bit between processors, enter through tables that are computed in float64 and
rounded to float32: the same note has the same samples on nearly every machine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from songmood.random_bits import Dice

Samples = NDArray[np.float32]

RATE = 24_000  # Hz: twice the spectrogram's, so that a listener loses little
_TABLE_BITS = 13
_TABLE_SIZE = 1 << _TABLE_BITS
_HIGHEST = 10_500.0  # Hz: no harmonic above it, well under half the rate
_HARMONIC_COUNTS = (1, 2, 3, 4, 6, 8, 11, 15, 20, 28, 40)
_VIBRATO_RATE = 5.3  # Hz


@dataclass(frozen=True)
class Instrument:
    """How a note's spectrum begins, darkens and fades."""

    rolloff: float  # harmonic h starts with amplitude h ** -rolloff
    attack: float  # seconds
    release: float  # seconds after the note's written end
    half_life: float = math.inf  # seconds in which the note loses half its amplitude at 220 Hz; inf: it is held
    darkening: float = math.inf  # seconds in which half the brightness is lost; inf: the spectrum stays
    is_odd: bool = False  # only odd harmonics, as in a square wave or a clarinet
    voices: tuple[tuple[float, float], ...] = ((1.0, 1.0),)  # (frequency ratio, level) of each oscillator
    vibrato: float = 0.0  # cents
    knock: float = 0.0  # level of the hammer's or the plectrum's noise
    level: float = 1.0  # evens out how loud the instruments sound


def _detuned(cents: float) -> tuple[tuple[float, float], ...]:
    ratio = 2.0 ** (cents / 1200.0)
    return ((1.0, 0.6), (ratio, 0.35), (ratio**-0.7, 0.35))  # unequal, so that they shimmer instead of throbbing


INSTRUMENTS: dict[str, Instrument] = {
    "piano": Instrument(1.25, 0.003, 0.18, 0.55, 0.22, voices=((1.0, 0.7), (1.0011, 0.5)), knock=0.12),
    "epiano": Instrument(2.2, 0.004, 0.15, 0.7, 0.12, voices=((1.0, 0.9), (7.03, 0.10)), knock=0.03, level=1.1),
    "guitar": Instrument(0.95, 0.002, 0.12, 0.40, 0.09, knock=0.2),
    "bell": Instrument(4.0, 0.002, 0.7, 0.6, voices=((1.0, 0.8), (2.76, 0.35), (5.40, 0.16)), level=0.9),
    "marimba": Instrument(4.0, 0.002, 0.25, 0.16, voices=((1.0, 1.0), (3.93, 0.25)), knock=0.08, level=1.2),
    "strings": Instrument(1.15, 0.14, 0.35, voices=_detuned(7.0), vibrato=9.0),
    "pad": Instrument(1.7, 0.7, 1.2, voices=_detuned(11.0), level=1.1),
    "choir": Instrument(2.0, 0.35, 0.6, voices=_detuned(9.0), vibrato=14.0, level=1.1),
    "brass": Instrument(0.75, 0.05, 0.15, voices=_detuned(4.0), vibrato=4.0, level=0.85),
    "flute": Instrument(2.4, 0.06, 0.12, vibrato=14.0, knock=0.03, level=1.1),
    "organ": Instrument(3.0, 0.015, 0.06, voices=((1.0, 0.7), (2.0, 0.5), (3.0, 0.3), (4.0, 0.2)), vibrato=3.0),
    "square": Instrument(1.0, 0.002, 0.02, 0.9, is_odd=True, level=0.7),
    "saw": Instrument(0.9, 0.006, 0.08, 1.4, 0.5, voices=_detuned(12.0), level=0.8),
    "distorted": Instrument(0.7, 0.003, 0.05, 1.5, 0.9, voices=((1.0, 0.8), (1.0017, 0.6))),
    "bass": Instrument(1.5, 0.006, 0.06, 0.5, 0.15, knock=0.04, level=1.3),
    "synth_bass": Instrument(0.9, 0.004, 0.03, 0.35, 0.10, voices=((1.0, 0.8), (0.5, 0.4)), level=1.2),
}

_SINE: Samples = np.sin(2.0 * np.pi * (np.arange(_TABLE_SIZE) / _TABLE_SIZE)).astype(np.float32)
_NOISE: Samples = (2.0 * Dice(2019).uniforms(4 * RATE) - 1.0).astype(np.float32)  # four seconds, always the same


@lru_cache(maxsize=512)
def decay(num_samples: int, half_life: float) -> Samples:
    """An exponential (num_samples,) from 1 that halves every `half_life` seconds."""
    return np.exp2(np.arange(num_samples, dtype=np.float64) * (-1.0 / (half_life * RATE))).astype(np.float32)


@lru_cache(maxsize=512)
def _wave(rolloff: float, num_harmonics: int, is_odd: bool) -> Samples:
    """One period (table size,) of the harmonics 1..num_harmonics, of unit power whatever their number."""
    positions = np.arange(_TABLE_SIZE)
    wave = np.zeros(_TABLE_SIZE)
    power = 0.0
    for harmonic in range(1, num_harmonics + 1, 2 if is_odd else 1):
        amplitude = harmonic**-rolloff
        power += amplitude * amplitude / 2.0
        # alternating signs keep the crest low, which leaves room in the mix
        wave += (-amplitude if harmonic % 4 > 1 else amplitude) * _SINE[(positions * harmonic) % _TABLE_SIZE]
    return (wave / math.sqrt(power)).astype(np.float32)


def _read(wave: Samples, hertz: float, num_samples: int, vibrato: float, offset: int) -> Samples:
    """The wave at a pitch: phases are 32-bit fractions of a turn, which wrap by themselves."""
    step = round(hertz / RATE * 2**32)
    phase = np.arange(num_samples, dtype=np.uint32) * np.uint32(step) + np.uint32(offset)
    if vibrato:
        depth = hertz * (2.0 ** (vibrato / 1200.0) - 1.0) / (2.0 * math.pi * _VIBRATO_RATE) * 2**32
        lfo = _read(_SINE, _VIBRATO_RATE, num_samples, 0.0, 0)
        phase += (lfo * np.float32(depth)).astype(np.int64).astype(np.uint32)
    sound: Samples = wave[phase >> np.uint32(32 - _TABLE_BITS)]
    return sound


def _envelope(instrument: Instrument, num_written: int, num_samples: int) -> Samples:
    """From 0 to 1 in the attack, 1, and back to 0 in the release, without a corner that clicks."""
    envelope = np.ones(num_samples, dtype=np.float32)
    for part, length in ((envelope, round(instrument.attack * RATE)), (envelope[::-1], num_samples - num_written)):
        count = max(2, min(length, num_samples))
        ramp = np.arange(count, dtype=np.float32) / np.float32(count)
        part[:count] *= ramp * ramp * (np.float32(3.0) - np.float32(2.0) * ramp)
    return envelope


def play(name: str, hertz: float, seconds: float, brightness: float = 0.0) -> Samples:
    """One note at velocity 1: float32 (S,) of about unit power at its beginning.

    Args:
        name: of INSTRUMENTS.
        hertz: the fundamental.
        seconds: the written length; the release comes after it.
        brightness: -1 (dull) to 1 (shrill), 0 as the instrument is.
    """
    instrument = INSTRUMENTS[name]
    num_written = round(seconds * RATE)
    num_samples = num_written + round(instrument.release * RATE)
    rolloff = round(max(0.3, instrument.rolloff - 0.45 * brightness), 2)
    note = np.zeros(num_samples, dtype=np.float32)
    for index, (ratio, level) in enumerate(instrument.voices):
        pitch = hertz * ratio
        if pitch >= _HIGHEST:
            continue
        count = max(c for c in _HARMONIC_COUNTS if c == 1 or c * pitch < _HIGHEST)
        wave = _wave(rolloff, count, instrument.is_odd)
        arguments = (pitch, num_samples, instrument.vibrato, index * 0x51ED270B % 2**32)
        if math.isinf(instrument.darkening):
            voice = _read(wave, *arguments)
        else:
            dull = _wave(rolloff + 1.6, count, instrument.is_odd)
            voice = _read(dull, *arguments)
            voice += (_read(wave, *arguments) - voice) * decay(num_samples, instrument.darkening)
        if not math.isinf(instrument.half_life):
            # high strings and high partials of a bell die sooner
            voice *= decay(num_samples, round(instrument.half_life * (220.0 / pitch) ** 0.5, 3))
        note += voice * np.float32(level)
    if instrument.knock:
        count = min(num_samples, round(0.05 * RATE))
        note[:count] += _NOISE[:count] * decay(count, 0.008) * np.float32(instrument.knock)
    return note * (_envelope(instrument, num_written, num_samples) * np.float32(instrument.level))


def _thump(seconds: float, start: float, end: float, sweep: float, half_life: float) -> Samples:
    """A sine that falls from `start` to `end` Hz, halving the distance every `sweep` seconds."""
    count = round(seconds * RATE)
    hertz = end + (start - end) * np.exp2(np.arange(count) / (-sweep * RATE))
    tone = np.sin(2.0 * np.pi * np.cumsum(hertz) / RATE).astype(np.float32)
    return _faded(tone * decay(count, half_life))


def _hiss(seconds: float, half_life: float, edges: int, start: int = 0) -> Samples:
    """Noise; each of `edges` differences lifts the high end, each negative one (a mean) takes it away."""
    count = round(seconds * RATE)
    sound = _NOISE[start : start + count + abs(edges)]
    for _ in range(abs(edges)):
        sound = (sound[1:] - sound[:-1] if edges > 0 else sound[1:] + sound[:-1]) * np.float32(0.6)
    return _faded(sound[:count] * decay(count, half_life))


def _faded(sound: Samples) -> Samples:
    """The sound with a millisecond of attack and a last fifth that falls to zero."""
    rise, fall = RATE // 1000, len(sound) // 5
    sound[:rise] *= np.arange(rise, dtype=np.float32) / np.float32(rise)
    sound[-fall:] *= np.arange(fall, 0, -1, dtype=np.float32) / np.float32(fall)
    sound[-1] = 0.0
    return sound


def _mixed(*parts: tuple[float, Samples]) -> Samples:
    mix = np.zeros(max(len(sound) for _, sound in parts), dtype=np.float32)
    for level, sound in parts:
        mix[: len(sound)] += np.float32(level) * sound
    return mix


_SOUNDS: dict[str, Callable[[], Samples]] = {
    "kick": lambda: _mixed((1.0, _thump(0.35, 150.0, 48.0, 0.02, 0.09)), (0.2, _hiss(0.02, 0.004, 0))),
    "boom": lambda: _mixed((1.2, _thump(1.1, 95.0, 41.0, 0.04, 0.28)), (0.25, _hiss(0.2, 0.03, -3))),
    "snare": lambda: _mixed((0.45, _thump(0.18, 240.0, 175.0, 0.02, 0.04)), (0.75, _hiss(0.28, 0.055, 1))),
    "clap": lambda: _mixed((0.9, _hiss(0.25, 0.045, 1, 9000)), (0.5, _hiss(0.03, 0.006, 1, 500))),
    "rim": lambda: _mixed((0.5, _thump(0.06, 900.0, 780.0, 0.01, 0.011)), (0.3, _hiss(0.05, 0.008, 1))),
    "hat": lambda: _hiss(0.09, 0.018, 3, 3000) * np.float32(0.40),
    "open_hat": lambda: _hiss(0.32, 0.09, 3, 7000) * np.float32(0.42),
    "shaker": lambda: _hiss(0.11, 0.03, 2, 12000) * np.float32(0.32),
    "crash": lambda: _hiss(1.6, 0.40, 2, 20000) * np.float32(0.5),
    "tom_low": lambda: _mixed((0.9, _thump(0.5, 130.0, 82.0, 0.05, 0.13)), (0.15, _hiss(0.1, 0.02, -2))),
    "tom_high": lambda: _mixed((0.8, _thump(0.4, 210.0, 138.0, 0.05, 0.10)), (0.15, _hiss(0.1, 0.02, -2))),
    "chip_kick": lambda: _thump(0.14, 420.0, 55.0, 0.025, 0.06),
    "chip_snare": lambda: np.sign(_hiss(0.16, 10.0, 0, 30000)) * decay(round(0.16 * RATE), 0.03) * np.float32(0.35),
}

DRUMS = frozenset(_SOUNDS)


@lru_cache(maxsize=len(_SOUNDS))
def strike(drum: str) -> Samples:
    """The samples (S,) of a drum at velocity 1; `drum` is one of DRUMS. Shared: not to be written to."""
    return _SOUNDS[drum]()
