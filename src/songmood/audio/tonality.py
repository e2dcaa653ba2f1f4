"""Key and mode from samples: pitch classes of spectral peaks, compared with the 24 keys' profiles."""

import numpy as np
import torch
from numpy.typing import NDArray

WINDOW_SECONDS = 0.68  # 8,192 samples at 12 kHz: semitones are told apart from 130 Hz up
PITCH_RANGE = (130.0, 1500.0)  # Hz; above, overtones outnumber the notes
CONCERT_A = 440.0  # Hz; pieces tuned a quarter tone off are not followed
AUDIBLE = 1e-3  # of a window's strongest peak, in amplitude
SILENCE = 1e-5  # amplitude of a peak that counts at all, full scale being 1
CHUNK_WINDOWS = 32

# How often each pitch class sounds in a bar of a piece in a key, from its tonic upwards: Temperley's counts in the
# Kostka-Payne corpus (Music and Probability, 2007, table 6.1). They told major from minor more clearly than Krumhansl
# and Kessler's ratings on synthetic chords and progressions.
MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)


def pitch_classes(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """How much of each pitch class a signal holds: (12,) from C upwards, summing to 1; zeros for silence.

    Each window of 0.68 s contributes the square roots of its spectral peaks, so that loud notes do not drown the
    chord, over their frequency, so that overtones (a major third among them) do not outweigh the notes. Each window
    counts alike.

    Args:
        samples: (S,) mono, full scale at 1; a signal shorter than a window is padded.
        sample_rate: Hz.
    """
    size = 1 << round(np.log2(WINDOW_SECONDS * sample_rate))
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    taper = torch.hann_window(size)
    first, last = (min(int(hz * size / sample_rate), size // 2) for hz in PITCH_RANGE)
    hz = np.arange(first, last) * sample_rate / size
    pitch = np.round(69 + 12 * np.log2(hz / CONCERT_A)).astype(int)
    to_class = (np.eye(12)[pitch % 12] * (CONCERT_A / hz)[:, None]).astype(np.float32)
    total = np.zeros(12)
    for start in range(0, len(windows), CHUNK_WINDOWS):
        block = torch.from_numpy(windows[start : start + CHUNK_WINDOWS].copy())  # a copy: the samples may be read-only
        amplitude = torch.fft.rfft(block.mul_(taper))[:, first - 1 : last + 1].abs().numpy() * (4.0 / size)
        classes = np.sqrt(_peaks(amplitude)) @ to_class
        total += (classes / np.maximum(classes.sum(axis=1, keepdims=True), 1e-12)).sum(axis=0)
    total /= max(total.sum(), 1e-12)
    return total


def _peaks(amplitude: NDArray[np.float32]) -> NDArray[np.float32]:
    """The amplitudes (windows, bins) of audible local maxima, zero elsewhere; without the outermost bins."""
    inner = amplitude[:, 1:-1]
    is_peak = (inner > amplitude[:, :-2]) & (inner >= amplitude[:, 2:])
    loud = np.maximum(AUDIBLE * inner.max(axis=1, keepdims=True), SILENCE)
    return np.where(is_peak & (inner > loud), inner, np.float32(0.0))


def key_strengths(classes: NDArray[np.float64]) -> tuple[float, float]:
    """How well the best major and the best minor key explain pitch classes (12,).

    Returns:
        The largest correlation with the twelve major and with the twelve minor profiles, each from -1 to 1; 0 and 0
        where all classes are equal, as in silence.
    """
    if np.ptp(classes) < 1e-9:
        return 0.0, 0.0
    return _best_correlation(classes, MAJOR), _best_correlation(classes, MINOR)


def _best_correlation(classes: NDArray[np.float64], profile: tuple[float, ...]) -> float:
    keys = np.stack([np.roll(profile, tonic) for tonic in range(12)])
    keys -= keys.mean(axis=1, keepdims=True)
    deviation = classes - classes.mean()
    return float((keys @ deviation).max() / (np.linalg.norm(keys[0]) * np.linalg.norm(deviation)))
