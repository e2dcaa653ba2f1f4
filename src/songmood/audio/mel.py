"""The data set's mel spectrogram: dB values equal to Essentia's, from mono samples.

The chain is that of the data set's own script: frames of 512 samples every 256, the first centred on sample 0; a
symmetric Hann window, not normalised; power spectrum; 96 triangular bands of unit area on Slaney's mel scale from
0 Hz to half the sample rate; ``2 * 10 * log10``, floor -200 dB. Essentia also rotates each frame (zero phase), which
no power spectrum sees. `docs/audio.md` has the measured differences.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters

CHUNK_FRAMES = 512  # frames at once: 2 MB of spectra, so a long track needs no more memory than a short one


class MelSpectrogram:
    """Samples to dB spectrogram, with the data set's parameters or others; made once and called for each track."""

    def __init__(self, parameters: MelParameters | None = None) -> None:
        self.parameters = parameters or MelParameters()
        bank = mel_filterbank(self.parameters).astype(np.float32)
        # Real and imaginary parts lie side by side, so that one matrix product sums their squares into bands.
        self._bands = torch.from_numpy(np.repeat(bank, 2, axis=1).T.copy())
        self._window = torch.from_numpy(np.hanning(self.parameters.frame_size).astype(np.float32))

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The spectrogram of mono samples.

        Args:
            samples: (S,) at the parameters' sample rate, full scale at 1.

        Returns:
            (T, bands) dB, not below the floor; T is `MelParameters.num_frames`.
        """
        if samples.ndim != 1:
            raise ValueError(f"samples must be mono, of shape (S,), not {samples.shape}")
        step = CHUNK_FRAMES * self.parameters.hop
        blocks = (samples[first : first + step] for first in range(0, len(samples), step))
        return np.concatenate([np.empty((0, self.parameters.num_bands), np.float32), *self.of_blocks(blocks)])

    def of_blocks(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The spectrogram of a signal that comes in blocks, in constant memory.

        Args:
            blocks: (S,) each, at the parameters' sample rate.

        Yields:
            (n, bands) dB, `CHUNK_FRAMES` at a time, then the rest; the bits do not depend on how the signal was cut.
        """
        hop, size = self.parameters.hop, self.parameters.frame_size
        wanted = (CHUNK_FRAMES - 1) * hop + max(size, hop)
        held = [
            np.zeros(size // 2, dtype=np.float32)
        ]  # what has come and is not done with; the first frame's left half
        num_held, num_samples, num_done = size // 2, 0, 0
        for block in blocks:
            held.append(block)
            num_held += len(block)
            num_samples += len(block)
            if num_held < wanted:
                continue
            stretch = np.concatenate(held)
            while len(stretch) >= wanted:
                yield self._of_stretch(stretch[:wanted])
                num_done += CHUNK_FRAMES
                stretch = stretch[CHUNK_FRAMES * hop :]
            held, num_held = [stretch], len(stretch)
        left = self.parameters.num_frames(num_samples) - num_done
        if left > 0:
            missing = (left - 1) * hop + size - num_held  # zeros behind the signal's end, or samples that no frame sees
            held.append(np.zeros(max(missing, 0), dtype=np.float32))
            yield self._of_stretch(np.concatenate(held)[: (left - 1) * hop + size])

    def _of_stretch(self, stretch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, bands) dB of (frame_size + (n - 1) * hop,) samples, which begin half a frame before a frame's centre."""
        frames = torch.from_numpy(stretch).unfold(0, self.parameters.frame_size, self.parameters.hop)
        with torch.inference_mode():
            spectrum = torch.view_as_real(torch.fft.rfft(frames * self._window))
            power = torch.mm(spectrum.square_().flatten(1), self._bands)
            return power.clamp_(min=10.0 ** (self.parameters.floor_db / 20.0)).log10_().mul_(20.0).numpy()


def mel_filterbank(parameters: MelParameters) -> NDArray[np.float64]:
    """Triangles of unit area over Hz, their corners evenly spaced in mel: (bands, frame_size // 2 + 1)."""
    nyquist = parameters.sample_rate / 2
    corners = mel_band_edges(parameters)
    bins = np.linspace(0.0, nyquist, parameters.frame_size // 2 + 1)
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
    return triangles


def mel_band_edges(parameters: MelParameters) -> NDArray[np.float64]:
    """Corners of the bands in Hz, (bands + 2,): band b rises from corner b to b + 1 and falls to b + 2."""
    return _hz(np.linspace(0.0, _mel(parameters.sample_rate / 2), parameters.num_bands + 2))


# Slaney's mel scale: linear, 200/3 Hz a mel, up to 1 kHz (15 mel); above, 27 mels for each factor of 6.4.


def _mel(hz: float) -> float:
    return float(hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4))


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
