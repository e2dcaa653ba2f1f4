"""Thirteen numbers that describe a track, for the models that take features beside the spectrogram.

They stand in for the data set's own AcousticBrainz features where there is only audio (a folder, the demo), and cost a
few milliseconds. Each has its unit and range here, and is finite for any track:

=========================== ========= =========== ==================================================================
name                        unit      range       what, and what for
=========================== ========= =========== ==================================================================
tempo.bpm                   beats/min 50-210 or 0 the tapped beat (`tempo.tempo`), 0 where there is none
tempo.pulse_clarity         -         0-1         how regular the onsets are: dance against ambient
rhythm.onset_rate           1/s       0-12        notes and beats: busy against calm
rhythm.flux                 dB/frame  0-60        the mean rise of a band per frame: percussive against sustained
loudness.level              dB        -100-0      RMS of the track, full scale at 0: powerful against soft
loudness.dynamic_complexity dB        0-50        mean deviation of the levels of 0.2 s blocks from their mean: drama
loudness.crest              dB        0-100       peak over RMS: open against compressed
timbre.centroid             Hz        0-6000      the spectrum's centre of gravity: bright against dark
timbre.brightness           -         0-1         the share of power above 1,500 Hz
timbre.bass                 -         0-1         the share of power below 200 Hz
timbre.flatness             dB        -60-0       geometric over arithmetic mean of the bands: noise against tones
tonal.key_strength          -         -1-1        the best key's correlation (`tonality`): tonal against atonal
tonal.mode                  -         -2-2        best major minus best minor key: major is positive, happier
=========================== ========= =========== ==================================================================

Timbre is the mean over audible frames, those within 60 dB of the loudest; silence has centroid, brightness and bass 0.
"""

import numpy as np
from numpy.typing import NDArray

from songmood.audio.mel import mel_band_edges
from songmood.audio.parameters import MelParameters
from songmood.audio.tempo import AUDIBLE_DB, onset_rate, onset_strength, tempo
from songmood.audio.tonality import key_strengths, pitch_classes

AUDIO_FEATURES: tuple[str, ...] = (
    "tempo.bpm",
    "tempo.pulse_clarity",
    "rhythm.onset_rate",
    "rhythm.flux",
    "loudness.level",
    "loudness.dynamic_complexity",
    "loudness.crest",
    "timbre.centroid",
    "timbre.brightness",
    "timbre.bass",
    "timbre.flatness",
    "tonal.key_strength",
    "tonal.mode",
)
BLOCK_SECONDS = 0.2  # of the levels that dynamic complexity compares
LEVEL_FLOOR_DB = -100.0  # the level of silence, below 16-bit noise
BRIGHT_HZ = 1500.0
BASS_HZ = 200.0
FLATNESS_FLOOR_DB = -60.0
CHUNK_FRAMES = 4096  # spectrogram rows in linear power at once


def audio_features(
    samples: NDArray[np.float32], mel: NDArray[np.float32], parameters: MelParameters | None = None
) -> NDArray[np.float32]:
    """The features of one track, in the order of `AUDIO_FEATURES`.

    Args:
        samples: (S,) mono, full scale at 1.
        mel: (T, bands), the spectrogram of those samples.
        parameters: what it was made with; the defaults are the data set's.

    Returns:
        (F,) finite, the same on every run.
    """
    parameters = parameters or MelParameters()
    strength = onset_strength(mel)
    bpm, clarity = tempo(strength, parameters.frames_per_second)
    major, minor = key_strengths(pitch_classes(samples, parameters.sample_rate))
    values = (
        bpm,
        clarity,
        onset_rate(strength, parameters.frames_per_second),
        float(strength.mean()) if len(strength) else 0.0,
        *loudness(samples, parameters.sample_rate),
        *timbre(mel, parameters),
        max(major, minor),
        major - minor,
    )
    return np.array(values, dtype=np.float32)


def loudness(samples: NDArray[np.float32], sample_rate: int) -> tuple[float, float, float]:
    """Level, dynamic complexity and crest, in dB; (-100, 0, 0) for silence and for no samples."""
    if len(samples) == 0:
        return LEVEL_FLOOR_DB, 0.0, 0.0
    size = min(int(BLOCK_SECONDS * sample_rate), len(samples))
    whole = len(samples) // size * size
    blocks = samples[:whole].reshape(-1, size)
    energies = np.einsum("bs,bs->b", blocks, blocks).astype(np.float64)  # not BLAS: the same for any thread count
    rest = samples[whole:]
    level = float(_decibels((energies.sum() + float(np.einsum("s,s->", rest, rest))) / len(samples)))
    levels = _decibels(energies / size)
    peak = max(float(samples.max()), -float(samples.min()))
    return level, float(np.abs(levels - levels.mean()).mean()), max(float(_decibels(peak * peak)) - level, 0.0)


def _decibels(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    decibels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 10.0 ** (LEVEL_FLOOR_DB / 10.0)))
    return decibels


def timbre(mel: NDArray[np.float32], parameters: MelParameters) -> tuple[float, float, float, float]:
    """Centroid in Hz, brightness, bass and flatness in dB: means over audible frames."""
    edges = mel_band_edges(parameters)
    centre = edges[1:-1]
    # A band holds a density; times its width it is the power of its stretch of the spectrum.
    width = (edges[2:] - edges[:-2]) / 2
    shares = np.stack([np.ones_like(centre), centre, centre >= BRIGHT_HZ, centre < BASS_HZ]) * width
    loudest = mel.max(initial=parameters.floor_db)
    if loudest <= parameters.floor_db:
        return 0.0, 0.0, 0.0, FLATNESS_FLOOR_DB
    totals, count = np.zeros(4), 0
    for first in range(0, len(mel), CHUNK_FRAMES):
        levels = mel[first : first + CHUNK_FRAMES] - loudest
        levels = levels[levels.max(axis=1) > -2.0 * AUDIBLE_DB]
        power = np.exp(levels * np.float32(np.log(10.0) / 20.0))
        sums = (power @ shares.T.astype(np.float32)).astype(np.float64)
        flatness = levels.mean(axis=1) / 2.0 - 10.0 * np.log10(power.mean(axis=1))
        totals[:3] += (sums[:, 1:] / sums[:, :1]).sum(axis=0)
        totals[3] += np.maximum(flatness, FLATNESS_FLOOR_DB).sum()
        count += len(levels)
    centroid, brightness, bass, flat = totals / count
    return float(centroid), float(brightness), float(bass), float(flat)
