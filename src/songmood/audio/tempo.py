"""Onsets and tempo from a mel spectrogram: how often something begins, and how regularly."""

import numpy as np
from numpy.typing import NDArray

AUDIBLE_DB = 60.0  # below the track's loudest band by more than this, a level counts as silence
TEMPO_RANGE = (50.0, 210.0)  # beats per minute
TEMPO_STEPS = 400  # candidates, evenly spaced in log tempo: 0.36 % apart
PREFERRED_TEMPO = 120.0  # where listeners tap when several metrical levels fit
PREFERENCE_OCTAVES = 1.0  # standard deviation of that preference
PERIODS = 4  # the beat must recur: one to four periods later
TREND_SECONDS = 2.0  # slower changes of the onset strength are form, not beat
MIN_CLARITY = 0.05  # what half a minute of noise reaches by chance: below, there is no beat
ONSET_RISE_DB = 1.0  # mean over the bands, above the surroundings: less is not heard as something beginning
ONSET_SPREAD_SECONDS = 0.064  # onsets are at least this far apart: three of the data set's frames
CHUNK_FRAMES = 4096


def onset_strength(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much the bands rise from each frame to the next: the mean over bands of rises, falls counting zero.

    Args:
        mel: (T, bands), 20 * log10 of power as in the data set: twice the decibels.

    Returns:
        (T - 1,) dB per frame, not negative; what lies under the audible range neither rises nor falls.
    """
    if len(mel) < 2:
        return np.zeros(0, dtype=np.float32)
    floor = mel.max() - 2.0 * AUDIBLE_DB
    firsts = range(0, len(mel) - 1, CHUNK_FRAMES)
    return np.concatenate([_rises(mel[first : first + CHUNK_FRAMES + 1], floor) for first in firsts])


def _rises(mel: NDArray[np.float32], floor: float) -> NDArray[np.float32]:
    levels = np.maximum(mel, np.float32(floor))
    rises = levels[1:] - levels[:-1]
    mean: NDArray[np.float32] = np.maximum(rises, 0.0, out=rises).mean(axis=1) * np.float32(0.5)
    return mean


def onset_rate(strength: NDArray[np.float32], frames_per_second: float) -> float:
    """Onsets per second: peaks of the strength that stand out from the half second around them.

    A signal shorter than a second counts as one.
    """
    if len(strength) == 0:
        return 0.0
    salience = strength - _moving_mean(strength, round(frames_per_second / 2))
    spread = max(1, round(ONSET_SPREAD_SECONDS * frames_per_second))
    padded = np.pad(salience, spread, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * spread + 1)
    # The first of equal neighbours is the peak: strictly above what came before, not below what follows.
    before = around[:, :spread].max(axis=1)
    is_peak = (salience >= around.max(axis=1)) & (salience > before) & (salience > ONSET_RISE_DB)
    return float(is_peak.sum() / max(len(strength) / frames_per_second, 1.0))


def tempo(strength: NDArray[np.float32], frames_per_second: float) -> tuple[float, float]:
    """The beat that best explains the onsets.

    The onset strength's autocorrelation, averaged over one to four beat periods (so that a period between two
    frames is found as well as one on a frame), times a preference for moderate tempos, which chooses between the
    metrical levels.

    Returns:
        Beats per minute within `TEMPO_RANGE`, and the pulse clarity: that mean autocorrelation, 0 (no
        pulse) to 1 (a clock). Both are 0 where nothing recurs or the signal is too short for two periods.
    """
    candidates = np.geomspace(*TEMPO_RANGE, TEMPO_STEPS)
    lags = 60.0 * frames_per_second / candidates
    trend = _moving_mean(strength, round(TREND_SECONDS * frames_per_second))
    correlation = _autocorrelation(_smooth(strength - trend), num_lags=int(PERIODS * lags.max()) + 2)
    if len(correlation) < 2 * lags.min():
        return 0.0, 0.0
    multiples = lags * np.arange(1, PERIODS + 1)[:, None]
    clarity = np.interp(multiples, np.arange(len(correlation)), correlation, right=0.0).mean(axis=0)
    preference = np.exp(-0.5 * (np.log2(candidates / PREFERRED_TEMPO) / PREFERENCE_OCTAVES) ** 2)
    best = int(np.argmax(clarity * preference))
    if clarity[best] < MIN_CLARITY:
        return 0.0, 0.0
    return float(candidates[best]), float(min(clarity[best], 1.0))


def _autocorrelation(signal: NDArray[np.float64], num_lags: int) -> NDArray[np.float64]:
    """Autocorrelation at lags 0 .. num_lags - 1, 1 at lag 0 and unbiased; empty where the signal is flat."""
    num_lags = min(num_lags, len(signal))
    if num_lags < 2 or np.ptp(signal) < 1e-6:
        return np.zeros(0)
    size = 1 << (len(signal) + num_lags - 1).bit_length()  # room for the lags, so that the ends do not meet
    products = np.fft.irfft(np.abs(np.fft.rfft(signal, size)) ** 2, size)[:num_lags]
    correlation: NDArray[np.float64] = products / products[0] * len(signal) / (len(signal) - np.arange(num_lags))
    return correlation


def _smooth(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread each onset over some frames, so that a period between two frames is seen at both."""
    if len(strength) < 5:
        return np.zeros(0)
    return np.convolve(strength, [0.1, 0.25, 0.3, 0.25, 0.1], mode="same")


def _moving_mean(values: NDArray[np.float32], width: int) -> NDArray[np.float64]:
    """The mean over `width` values around each, fewer at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    centre = np.arange(len(values))
    low = np.maximum(centre - width // 2, 0)
    high = np.minimum(centre + width // 2 + 1, len(values))
    mean: NDArray[np.float64] = (total[high] - total[low]) / (high - low)
    return mean
