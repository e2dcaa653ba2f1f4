"""Audio files to spectrograms on two cores, against Essentia with one process per core.

Both sides decode, mix down, resample and transform the same synthetic pieces, each with two worker processes that
have imported everything and run once before the clock starts.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.harness import Row, rates
from songmood.audio.features import audio_features
from songmood.audio.mel import MelSpectrogram
from songmood.audio.samples import load_audio

CORES = 2
FILES = 16
SECONDS = 40
SOURCE_RATE, RATE = 44_100, 12_000
FORMATS = {".ogg": "VORBIS", ".flac": "PCM_16", ".mp3": "MPEG_LAYER_III"}


def rows() -> list[Row]:
    """A row for each format, one for the spectrogram alone, and one for what the features add."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours, theirs = (stack.enter_context(_pool()) for _ in range(2))
        table = []
        for suffix in FORMATS:
            paths = list(write_pieces(Path(folder), suffix))
            sides = {
                "essentia": partial(_count, theirs, essentia_mel, paths),
                "ours": partial(_count, ours, our_mel, paths),
            }
            seen = rates(sides, rounds=3)
            table.append(
                Row(
                    what=f"audio to spectrogram, {FILES} {suffix} of {SECONDS} s, {CORES} cores",
                    obvious=seen["essentia"],
                    ours=seen["ours"],
                    unit="files/s",
                    target=1.0,
                    same=_agreement(paths[0]),
                )
            )
        return [*table, *_alone(paths[0])]


def _alone(path: str) -> list[Row]:
    """One core, one piece that is already decoded."""
    samples = load_audio(path, RATE)
    mel = MelSpectrogram()
    spectrogram = mel(samples)

    def times(number: int, work: Callable[[], object]) -> int:
        for _ in range(number):
            work()
        return number

    seen = rates(
        {
            "essentia": partial(times, 5, lambda: _essentia_chain()(samples)),
            "ours": partial(times, 50, lambda: mel(samples)),
            "features": partial(times, 50, lambda: audio_features(samples, spectrogram)),
        }
    )
    what = f"spectrogram of {SECONDS} s of samples, one core"
    features = f"thirteen features of {SECONDS} s, one core, against the spectrogram itself"
    agreement = _difference(spectrogram, _essentia_chain()(samples))
    return [
        Row(what, seen["essentia"], seen["ours"], "pieces/s", 1.0, agreement),
        Row(features, seen["ours"], seen["features"], "pieces/s", 0.1, "not the same thing: what they add"),
    ]


def _pool() -> "multiprocessing.pool.Pool":
    return multiprocessing.get_context("spawn").Pool(CORES, initializer=_single_threaded)


def _single_threaded() -> None:
    import torch

    torch.set_num_threads(1)


def _count(pool: "multiprocessing.pool.Pool", work: Callable[[str], object], paths: list[str]) -> int:
    return len(pool.map(work, paths, chunksize=1))


def our_mel(path: str) -> tuple[int, ...]:
    """Songmood's way; returns the shape, so that sending the result costs neither side anything."""
    return _our_chain()(load_audio(path, RATE)).shape


def essentia_mel(path: str) -> tuple[int, ...]:
    """The data set's script's way."""
    return _essentia_chain()(_essentia_samples(path)).shape


@cache
def _our_chain() -> MelSpectrogram:
    return MelSpectrogram()


def _essentia_samples(path: str) -> np.ndarray:
    from essentia import standard

    return standard.MonoLoader(filename=path, sampleRate=RATE, resampleQuality=4)()


@cache
def _essentia_chain() -> Callable[[np.ndarray], np.ndarray]:
    import essentia
    from essentia import standard

    essentia.log.warningActive = False
    window = standard.Windowing(type="hann", normalized=False)
    spectrum = standard.Spectrum()
    bands = standard.MelBands(
        numberBands=96, sampleRate=RATE, lowFrequencyBound=0, highFrequencyBound=6000, inputSize=257,
        weighting="linear", normalize="unit_tri", warpingFormula="slaneyMel", type="power",
    )  # fmt: skip
    decibels = standard.UnaryOperator(type="lin2db", scale=2)

    def chain(samples: np.ndarray) -> np.ndarray:
        frames = standard.FrameGenerator(samples, frameSize=512, hopSize=256, startFromZero=False)
        return np.array([decibels(bands(spectrum(window(frame)))) for frame in frames])

    return chain


def _agreement(path: str) -> str:
    return _difference(_our_chain()(load_audio(path, RATE)), _essentia_chain()(_essentia_samples(path)))


def _difference(ours: np.ndarray, theirs: np.ndarray) -> str:
    common = min(len(ours), len(theirs)) - 2  # FFmpeg does not trim the end of an OGG
    difference = np.abs(ours[:common] - theirs[:common])[theirs[:common] > -90.0]
    median = float(np.median(difference))
    assert median < 0.1, f"the two sides differ by {median} dB"
    return f"median difference {median:.1e} dB above -90 dB"


def write_pieces(folder: Path, suffix: str, count: int = FILES, seconds: int = SECONDS) -> Iterator[str]:
    """Chords, a bass and noise bursts in stereo, the same for every run."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(seconds * SOURCE_RATE) / SOURCE_RATE
    for number in range(count):
        random = np.random.default_rng(number)
        notes = 110 * 2 ** (random.integers(0, 36, 6) / 12)
        beat = np.exp(-8 * (time * (1 + number / 16) % 0.5))
        sides = [sum(np.sin(2 * np.pi * hz * time + phase) for hz in notes) for phase in (0.0, 1.0)]
        piece = 0.08 * np.stack(sides, axis=1) + 0.1 * (beat * random.standard_normal(len(time)))[:, None]
        path = folder / f"{number}{suffix}"
        with soundfile.SoundFile(path, "w", SOURCE_RATE, 2, FORMATS[suffix]) as file:
            for start in range(0, len(piece), 65_536):  # libsndfile overflows its stack on long Vorbis writes
                file.write(piece[start : start + 65_536])
        yield str(path)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for row in rows():
        figures = f"{row.obvious:.1f} -> {row.ours:.1f} {row.unit}, {row.ratio:.2f} (target {row.target})"
        print(f"{row.what}: {figures}; {row.same}")
