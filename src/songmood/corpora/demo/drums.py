"""Drums: swept sines and shaped noise, one recording per drum."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from songmood.corpora.demo.instruments import RATE, Samples, decay, noise


def _thump(seconds: float, start: float, end: float, sweep: float, half_life: float) -> Samples:
    """A sine that falls from `start` to `end` Hz, halving the distance every `sweep` seconds."""
    count = round(seconds * RATE)
    hertz = end + (start - end) * np.exp2(np.arange(count) / (-sweep * RATE))
    tone = np.sin(2.0 * np.pi * np.cumsum(hertz) / RATE).astype(np.float32)
    return _faded(tone * decay(count, half_life))


def _hiss(seconds: float, half_life: float, edges: int, start: int = 0) -> Samples:
    """Noise; each of `edges` differences lifts the high end, each negative one (a mean) takes it away."""
    count = round(seconds * RATE)
    sound = noise()[start : start + count + abs(edges)]
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
