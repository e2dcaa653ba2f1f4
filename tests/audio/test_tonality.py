import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from songmood.audio import tonality as module
from songmood.audio.tonality import MAJOR, MINOR, key_strengths, pitch_classes

RATE = 12_000
MAJOR_TRIAD, MINOR_TRIAD = (0, 4, 7), (0, 3, 7)


def chord(semitones: tuple[int, ...], partials: int = 6, seconds: float = 2.0) -> np.ndarray:
    """Notes with decaying partials, semitones counted from middle C."""
    time = np.arange(int(seconds * RATE)) / RATE
    samples = sum(
        np.sin(2 * np.pi * 261.63 * 2 ** (note / 12) * partial * time + note) / partial
        for note in semitones
        for partial in range(1, partials + 1)
    )
    return (0.1 * samples).astype(np.float32)


def progression(*chords: tuple[int, ...]) -> np.ndarray:
    return np.concatenate([chord(notes) for notes in chords])


def on(root: int, triad: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(root + note for note in triad)


@pytest.mark.parametrize("semitone", range(12))
def test_a_tone_is_its_own_pitch_class(semitone: int) -> None:
    classes = pitch_classes(chord((semitone,), partials=1), RATE)
    assert classes.argmax() == semitone
    assert classes[semitone] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("partials", [1, 4, 8])
@pytest.mark.parametrize("root", range(-6, 6))
def test_major_chords_lean_to_major_and_minor_chords_to_minor(root: int, partials: int) -> None:
    major, minor = key_strengths(pitch_classes(chord(on(root, MAJOR_TRIAD), partials), RATE))
    assert major > minor + 0.1
    major, minor = key_strengths(pitch_classes(chord(on(root, MINOR_TRIAD), partials), RATE))
    assert minor > major + 0.1


@pytest.mark.parametrize("root", [-5, 0, 4])
def test_a_cadence_shows_the_mode(root: int) -> None:
    four, five = root + 5, root + 7
    major = progression(*(on(at, MAJOR_TRIAD) for at in (root, four, five, root)))
    strengths = key_strengths(pitch_classes(major, RATE))
    assert strengths[0] > strengths[1]
    minor = progression(*(on(at, MINOR_TRIAD) for at in (root, four)), on(five, MAJOR_TRIAD), on(root, MINOR_TRIAD))
    strengths = key_strengths(pitch_classes(minor, RATE))
    assert strengths[1] > strengths[0]


@pytest.mark.parametrize("num_samples", [0, 1, 100, 20_000])
def test_silence_has_no_pitch_classes_and_no_key(num_samples: int) -> None:
    classes = pitch_classes(np.zeros(num_samples, dtype=np.float32), RATE)
    np.testing.assert_array_equal(classes, np.zeros(12))
    assert key_strengths(classes) == (0.0, 0.0)


def test_loudness_does_not_matter() -> None:
    samples = chord(MAJOR_TRIAD)
    np.testing.assert_allclose(pitch_classes(0.01 * samples, RATE), pitch_classes(samples, RATE), atol=1e-4)


def test_a_profile_is_explained_by_its_own_key_alone() -> None:
    for tonic in range(12):
        assert key_strengths(np.roll(MAJOR, tonic))[0] == pytest.approx(1.0)
        assert key_strengths(np.roll(MINOR, tonic))[1] == pytest.approx(1.0)
    assert key_strengths(np.array(MAJOR))[1] < 0.9


@given(arrays(np.float64, 12, elements=st.floats(0, 1)))
def test_strengths_are_the_largest_correlations(classes: np.ndarray) -> None:
    if np.ptp(classes) < 1e-3:
        return
    expected = [max(np.corrcoef(np.roll(p, t), classes)[0, 1] for t in range(12)) for p in (MAJOR, MINOR)]
    np.testing.assert_allclose(key_strengths(classes), expected, atol=1e-9)


def test_windows_count_alike_however_many_are_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = progression(MAJOR_TRIAD, MINOR_TRIAD, (0, 5, 9))
    whole = pitch_classes(samples, RATE)
    assert whole.sum() == pytest.approx(1.0)
    monkeypatch.setattr(module, "CHUNK_WINDOWS", 2)
    np.testing.assert_allclose(pitch_classes(samples, RATE), whole, atol=1e-6)


def test_pitches_are_rounded_to_the_nearest_semitone() -> None:
    # The spectrum has a bin every 12,000 / 8,192 Hz; bin 91 lies 0.33 semitones above C, bin 92 lies 0.52 above.
    time = np.arange(2 * 8_192) / RATE
    for number, semitone in ((91, 0), (92, 1)):
        tone = np.sin(2 * np.pi * number * RATE / 8_192 * time).astype(np.float32)
        assert pitch_classes(tone, RATE).argmax() == semitone


def test_dither_has_no_key() -> None:
    dither = np.random.default_rng(0).uniform(-(2**-16), 2**-16, 20_000).astype(np.float32)
    np.testing.assert_array_equal(pitch_classes(dither, RATE), np.zeros(12))
