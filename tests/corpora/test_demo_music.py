"""The demo's composer: scales, chords, rhythm and melody hold what they promise."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songmood.corpora.demo.composer import compose, compose_melody, draw_motif, drum_hits, nearest_chord_degree
from songmood.corpora.demo.instruments import DRUMS, INSTRUMENTS
from songmood.corpora.demo.styles import STYLES, Attributes
from songmood.corpora.demo.theory import (
    BASS_PATTERNS,
    CADENCES,
    CHORD_PATTERNS,
    DRUM_PATTERNS,
    PROGRESSIONS,
    SCALES,
    STEPS_PER_BAR,
    degree_pitch,
    frequency,
    is_major,
    triad,
    voice_lead,
)
from songmood.random_bits import Dice

PIECE = Attributes(
    tempo=120.0, scale="minor", register=0.0, lead="piano", harmony="strings", texture="sustained", bass="fifths",
    drums="pop", density=1.0, melody_level=0.8, dynamics="flat", reverb=0.3, echo=0.0, drive=0.0, brightness=0.0,
    swing=0.0, loudness=0.8, tonic=9, seconds=20.0,
)  # fmt: skip
scales = st.sampled_from(sorted(SCALES))
degrees = st.integers(-14, 14)


def test_the_a_above_middle_c_has_440_hertz_and_an_octave_doubles() -> None:
    assert frequency(69) == pytest.approx(440.0)
    assert frequency(81) == pytest.approx(880.0)
    assert frequency(60) == pytest.approx(261.6256, abs=1e-4)  # middle C in any table
    assert frequency(69, cents=100.0) == pytest.approx(frequency(70))


def test_thirds_make_the_mode() -> None:
    assert {scale for scale in SCALES if is_major(scale)} == {"major", "lydian", "mixolydian"}


def test_triads_of_c_major_are_those_of_the_textbook() -> None:
    assert triad("major", 60, 0) == (60, 64, 67)  # C E G
    assert triad("major", 60, 1) == (62, 65, 69)  # D F A, minor
    assert triad("major", 60, 4) == (67, 71, 74)  # G B D
    assert triad("minor", 57, 0) == (57, 60, 64)  # A C E
    assert degree_pitch("major", 60, -1) == 59


@given(scales, degrees)
def test_seven_degrees_are_an_octave(scale: str, degree: int) -> None:
    assert degree_pitch(scale, 60, degree + 7) == degree_pitch(scale, 60, degree) + 12


@given(scales, degrees, degrees)
def test_leading_the_voices_keeps_the_chord_and_never_moves_more_than_close_position(
    scale: str, first: int, second: int
) -> None:
    previous, chord = triad(scale, 60, first % 7), triad(scale, 60, second % 7)
    led = voice_lead(chord, previous)
    assert sorted(p % 12 for p in led) == sorted(p % 12 for p in chord)
    assert list(led) == sorted(led)

    def moved(placing: tuple[int, ...]) -> int:
        return sum(abs(a - b) for a, b in zip(placing, previous, strict=True))

    assert moved(led) <= moved(chord)


def test_every_scale_has_progressions_and_a_cadence() -> None:
    assert set(PROGRESSIONS) == set(CADENCES) == set(SCALES)
    assert all(len(p) == 4 and p[0] == 0 for group in PROGRESSIONS.values() for p in group)


def test_drum_patterns_fill_a_bar_with_drums_that_exist() -> None:
    for pattern in DRUM_PATTERNS.values():
        assert set(pattern) <= DRUMS
        assert all(len(steps) == STEPS_PER_BAR and set(steps) <= set("xo.-") for steps in pattern.values())


def test_styles_name_only_what_can_be_played() -> None:
    playable = {
        "scale": SCALES, "lead": INSTRUMENTS, "harmony": INSTRUMENTS, "texture": {"arpeggio", *CHORD_PATTERNS},
        "bass": BASS_PATTERNS, "drums": DRUM_PATTERNS, "dynamics": {"flat", "swell", "crescendo"},
    }  # fmt: skip
    for style in STYLES.values():
        words = {name: set(options.split()) for name, options in style.items() if isinstance(options, str)}
        assert words.keys() == playable.keys()
        assert all(words[name] <= set(playable[name]) for name in playable)


def test_styles_give_a_range_for_each_number() -> None:
    numbers = {name for name, kind in Attributes.__annotations__.items() if kind is float} - {"tuning", "seconds"}
    for style in STYLES.values():
        ranges = {name: options for name, options in style.items() if not isinstance(options, str)}
        assert numbers - {"echo", "drive", "swing"} <= ranges.keys() <= numbers
        assert all(low <= high for low, high in ranges.values())


def test_four_on_the_floor_has_a_kick_on_every_beat() -> None:
    kicks = [hit.start for hit in drum_hits("four", 0, 3, Dice(0)) if hit.drum == "kick"]
    assert kicks == [float(beat) for beat in range(12)]


def test_the_backbeat_is_on_two_and_four() -> None:
    hits = drum_hits("rock", 0, 2, Dice(0))
    assert [hit.start for hit in hits if hit.drum == "snare"] == [1.0, 3.0, 5.0, 7.0]


def test_a_crash_opens_a_phrase_and_not_every_bar() -> None:
    crashes = [hit.start for hit in drum_hits("rock", 1, 9, Dice(0)) if hit.drum == "crash"]
    assert crashes == [4.0, 20.0]


def test_a_fill_rises_in_the_last_beat_of_a_phrase() -> None:
    hits = drum_hits("rock", 0, 4, Dice(1))
    fill = [hit for hit in hits if hit.drum == "tom_low"]
    assert fill
    assert all(15.0 <= hit.start < 16.0 for hit in fill)
    assert [h.velocity for h in fill] == sorted(h.velocity for h in fill)


@given(st.floats(0.1, 2.5), st.integers(0, 2**32))
def test_a_motif_has_the_density_that_was_asked_for(density: float, seed: int) -> None:
    starts = [start for start, _ in draw_motif(density, Dice(seed))]
    assert abs(len(starts) - 4 * density) <= max(0.5, 1 - 4 * density)
    assert starts == sorted(set(starts))
    assert all(0 <= start < 4 for start in starts)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 6), min_size=4, max_size=12), st.floats(0.3, 1.9), st.integers(0, 2**32))
def test_melodies_stay_singable_and_meet_the_chord_on_strong_beats(roots: list[int], density: float, seed: int) -> None:
    tones = compose_melody(roots, 0, density, Dice(seed))
    for tone in tones:
        assert -6 <= tone.degree <= 13
        if tone.start % 2 == 0:
            assert (tone.degree - roots[int(tone.start) // 4]) % 7 in (0, 2, 4)
    for tone, following in itertools.pairwise(tones):
        assert tone.start + tone.length <= following.start


def test_a_phrase_repeats_its_motif_and_ends_with_a_breath() -> None:
    tones = compose_melody([0, 0, 0, 0], 0, 1.0, Dice(3))
    rhythm = [[t.start % 4 for t in tones if t.start // 4 == bar] for bar in range(4)]
    assert rhythm[0] == rhythm[1]
    last = tones[-1]
    assert last.start == 14.0
    assert last.start + last.length < 15.5


def test_the_second_bar_of_a_phrase_varies_the_end_of_the_first() -> None:
    varied = 0
    for seed in range(20):
        tones = compose_melody([0, 0, 0, 0], 0, 1.0, Dice(seed))
        steps = [
            [b.degree - a.degree for a, b in itertools.pairwise(t for t in tones if t.start // 4 == bar)]
            for bar in (0, 1)
        ]
        assert len(steps[0]) == len(steps[1]) == 3
        varied += steps[0] != steps[1]
    assert varied > 5


@given(degrees, st.integers(0, 6))
def test_the_nearest_chord_degree_is_in_the_chord_and_near(degree: int, root: int) -> None:
    nearest = nearest_chord_degree(degree, root)
    assert (nearest - root) % 7 in (0, 2, 4)
    assert abs(nearest - degree) <= 1


@pytest.mark.parametrize("scale", sorted(SCALES))
def test_all_notes_of_a_piece_are_in_its_scale(scale: str) -> None:
    score = compose(replace(PIECE, scale=scale), Dice(5))
    classes = {(PIECE.tonic + step) % 12 for step in SCALES[scale]}
    assert {note.pitch % 12 for note in score.notes} <= classes


def test_minor_pieces_sound_the_minor_third_and_major_ones_the_major_third() -> None:
    def thirds(scale: str) -> tuple[bool, bool]:
        pitches = {(note.pitch - PIECE.tonic) % 12 for note in compose(replace(PIECE, scale=scale), Dice(5)).notes}
        return 3 in pitches, 4 in pitches

    assert thirds("minor") == (True, False)
    assert thirds("major") == (False, True)


def test_a_piece_ends_on_the_chord_of_its_tonic() -> None:
    score = compose(PIECE, Dice(5))
    end = score.num_bars * 4
    last = {(note.pitch - PIECE.tonic) % 12 for note in score.notes if note.start == end and note.part != "melody"}
    assert last == {0, 3, 7}


def test_a_piece_lasts_as_long_as_it_should() -> None:
    for tempo in (50.0, 97.3, 172.0):
        score = compose(replace(PIECE, tempo=tempo), Dice(5))
        end = max(note.start + note.length for note in score.notes) * score.seconds_per_beat
        assert end <= PIECE.seconds
        assert score.num_bars * 4 * score.seconds_per_beat <= PIECE.seconds - 3.0


def test_the_register_moves_the_melody_by_octaves() -> None:
    def mean_pitch(register: float) -> float:
        notes = compose(replace(PIECE, register=register), Dice(5)).notes
        pitches = [note.pitch for note in notes if note.part == "melody"]
        return sum(pitches) / len(pitches)

    assert mean_pitch(1.0) - mean_pitch(0.0) == pytest.approx(12.0)
    assert mean_pitch(0.0) - mean_pitch(-1.0) == pytest.approx(12.0)


def test_any_two_keys_are_at_most_a_tritone_apart_in_register() -> None:
    def lowest(tonic: int) -> int:
        return min(n.pitch for n in compose(replace(PIECE, tonic=tonic), Dice(5)).notes if n.part == "bass")

    basses = [lowest(tonic) for tonic in range(12)]
    assert max(basses) - min(basses) <= 11


def test_power_chords_have_no_third() -> None:
    score = compose(replace(PIECE, texture="power", scale="major"), Dice(5))
    first_bar = {n.pitch % 12 for n in score.notes if n.part == "harmony" and n.start < 4}
    assert len(first_bar) == 2
