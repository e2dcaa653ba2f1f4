"""Effects on whole parts: reverb, echo, tone, overdrive, and the last step to a level without clipping.

All of them are additions and multiplications of shifted blocks, exact on any machine; a recursion runs a block of one
delay at a time.
"""

import numpy as np

from songmood.corpora.demo.instruments import RATE, Samples

_COMBS = (0.0297, 0.0371, 0.0411, 0.0437, 0.0533)  # seconds; no common divisor, so that echoes do not pile up
_TAPS = ((0.0043, 0.8), (0.0107, -0.7), (0.0151, 0.6), (0.0233, -0.5), (0.0299, 0.45), (0.0391, -0.4))  # seconds, level


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
