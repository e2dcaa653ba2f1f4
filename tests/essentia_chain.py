"""The data set's spectrogram by Essentia: the independent truth about ours."""

import numpy as np
import pytest

RATE = 12_000


def essentia_mel(samples: np.ndarray) -> np.ndarray:
    """The chain of the data set's script, run by Essentia, time first."""
    standard = pytest.importorskip(
        "essentia.standard", reason="Essentia is not installed: pip install 'songmood[test]'"
    )
    window = standard.Windowing(type="hann", normalized=False)
    spectrum = standard.Spectrum()
    bands = standard.MelBands(
        numberBands=96, sampleRate=RATE, lowFrequencyBound=0, highFrequencyBound=6000, inputSize=257,
        weighting="linear", normalize="unit_tri", warpingFormula="slaneyMel", type="power",
    )  # fmt: skip
    decibels = standard.UnaryOperator(type="lin2db", scale=2)
    frames = standard.FrameGenerator(samples, frameSize=512, hopSize=256, startFromZero=False)
    return np.array([decibels(bands(spectrum(window(frame)))) for frame in frames])
