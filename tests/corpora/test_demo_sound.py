"""The demo's instruments, effects and mix: measured, since no test can listen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from songmood.audio.features import audio_features
from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.audio.samples import load_audio
from songmood.audio.tempo import onset_strength
from songmood.corpora.demo.catalogue import Piece
from songmood.corpora.demo.composer import compose
from songmood.corpora.demo.corpus import perform
from songmood.corpora.demo.instruments import DRUMS, INSTRUMENTS, RATE, Samples, play, strike
from songmood.corpora.demo.mixing import (
    comb,
    drive,
    dynamics_curve,
    master,
    reverb,
    seconds_at,
    synthesise,
    tilt,
)
from songmood.corpora.demo.styles import Attributes
from songmood.corpora.demo.theory import frequency
from songmood.random_bits import Dice
from songmood.tracks import Track

PIECE = Attributes(
    tempo=120.0, scale="minor", register=0.0, lead="piano", harmony="strings", texture="sustained", bass="fifths",
    drums="four", density=1.0, melody_level=0.8, dynamics="flat", reverb=0.3, echo=0.0, drive=0.0, brightness=0.0,
    swing=0.0, loudness=0.8, tonic=9, seconds=16.0,
)  # fmt: skip


def spectrum(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    return np.fft.rfftfreq(len(samples), 1.0 / RATE), power


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_an_instrument_plays_the_pitch_that_is_written(name: str) -> None:
    hertz, power = spectrum(play(name, 330.0, 1.0))
    near = (hertz > 150) & (hertz < 450)
    loudest = hertz[near][np.argmax(power[near])]
    octave = 0.5 if loudest < 200 else 1.0  # the synth bass has a sub-oscillator
    assert loudest == pytest.approx(330.0 * octave, rel=0.012)  # vibrato and detuning stay within a fifth of a tone


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
@pytest.mark.parametrize("hertz", [41.0, 262.0, 2093.0, 9000.0])
def test_notes_begin_and_end_without_a_click(name: str, hertz: float) -> None:
    note = play(name, hertz, 0.3)
    assert np.isfinite(note).all()
    assert abs(note[0]) < 0.02
    assert np.abs(note[-3:]).max() < 0.02
    assert np.abs(note).max() < 6.0


def test_no_harmonic_is_folded_back_by_the_sample_rate() -> None:
    for name in ("saw", "square", "brass"):
        hertz, power = spectrum(play(name, 3000.0, 1.0, brightness=1.0))
        assert power[hertz < 2500].sum() < 1e-3 * power.sum()


def test_a_square_has_odd_harmonics_only() -> None:
    hertz, power = spectrum(play("square", 440.0, 1.0))
    level = {n: power[np.abs(hertz - 440.0 * n) < 8].max() for n in (1, 2, 3, 4, 5)}
    assert max(level[2], level[4]) < 1e-3 * level[5]


def test_struck_strings_decay_and_bowed_ones_are_held() -> None:
    def fall(name: str) -> float:
        note = play(name, 262.0, 2.0)
        return rms(note[RATE : RATE + RATE // 2]) / rms(note[RATE // 4 : 3 * RATE // 4])

    assert fall("piano") < 0.6
    assert fall("guitar") < 0.5
    assert fall("strings") > 0.75
    assert fall("organ") > 0.8


def test_brightness_moves_the_centre_of_the_spectrum_up() -> None:
    def centre(brightness: float) -> float:
        hertz, power = spectrum(play("saw", 220.0, 0.5, brightness))
        return float((hertz * power).sum() / power.sum())

    assert centre(-1.0) < 0.8 * centre(0.0) < 0.8 * centre(1.0)


@pytest.mark.parametrize("drum", sorted(DRUMS))
def test_drums_are_short_and_end_in_silence(drum: str) -> None:
    sound = strike(drum)
    assert 0.03 * RATE < len(sound) < 2.0 * RATE
    assert 0.05 < np.abs(sound).max() < 2.0
    assert abs(sound[0]) < 0.02
    assert sound[-1] == 0.0


def test_a_kick_is_low_and_a_hat_is_high() -> None:
    def centre(drum: str) -> float:
        hertz, power = spectrum(strike(drum))
        return float((hertz * power).sum() / power.sum())

    assert centre("kick") < 200 < 1000 < centre("snare") < centre("hat")


def test_a_comb_repeats_an_impulse_with_falling_echoes() -> None:
    impulse = np.zeros(RATE, dtype=np.float32)
    impulse[10] = 1.0
    echoes = comb(impulse, 0.1, 0.5)
    step = RATE // 10
    assert np.flatnonzero(echoes).tolist() == list(range(10, RATE, step))
    assert echoes[10::step].tolist() == [0.5**k for k in range(10)]


def test_reverb_falls_by_sixty_decibels_in_its_time() -> None:
    impulse = np.zeros(3 * RATE, dtype=np.float32)
    impulse[0] = 1.0
    wet = reverb(impulse, 2.0)
    early, late = rms(wet[RATE // 4 : RATE // 2]), rms(wet[RATE // 4 + 2 * RATE : RATE // 2 + 2 * RATE])
    assert 20.0 * np.log10(early / late) == pytest.approx(60.0, abs=3.0)


def test_tilt_changes_the_treble_and_leaves_the_bass() -> None:
    time = np.arange(RATE) / RATE
    bass, treble = (np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (200.0, 8000.0))
    for brightness in (-0.7, 0.7):
        assert rms(tilt(bass, brightness)) == pytest.approx(rms(bass), rel=0.01)
    assert rms(tilt(treble, -0.7)) < 0.5 * rms(treble) < rms(treble) < 0.6 * rms(tilt(treble, 0.7))


def test_overdrive_keeps_the_peak_and_adds_harmonics() -> None:
    tone = np.sin(2 * np.pi * 220.0 * np.arange(RATE) / RATE).astype(np.float32)
    driven = drive(tone, 1.0)
    assert np.abs(driven).max() == pytest.approx(1.0, abs=1e-5)
    hertz, power = spectrum(driven)
    assert power[np.abs(hertz - 660.0) < 5].max() > 0.01 * power.max()
    assert drive(tone, 0.0) is tone
    assert not drive(np.zeros(10, dtype=np.float32), 1.0).any()


def test_the_master_has_its_peak_no_dc_and_silent_ends() -> None:
    loud = (5.0 + 3.0 * np.sin(np.arange(4 * RATE) / 20)).astype(np.float32)
    mastered = master(loud, 0.7)
    assert np.abs(mastered).max() == pytest.approx(0.7, abs=1e-4)
    assert abs(mastered[RATE : 2 * RATE].mean()) < 0.02
    assert mastered[0] == mastered[-1] == 0.0
    assert not master(np.zeros(RATE, dtype=np.float32), 0.7).any()


def test_a_piece_neither_clips_nor_falls_silent() -> None:
    samples = synthesise(PIECE, Dice(1))
    assert len(samples) == 16 * RATE
    assert samples.dtype == np.float32
    assert np.abs(samples).max() == pytest.approx(0.8, abs=1e-3)
    assert abs(samples.mean()) < 1e-3
    seconds = np.sqrt(np.mean(samples.reshape(16, RATE) ** 2, axis=1))
    assert (seconds[:14] > 0.01).all()


def test_equal_dice_give_equal_samples_and_others_other_music() -> None:
    assert synthesise(PIECE, Dice(1)).tobytes() == synthesise(PIECE, Dice(1)).tobytes()
    assert synthesise(PIECE, Dice(1)).tobytes() != synthesise(PIECE, Dice(2)).tobytes()


def test_dynamics_curves_do_what_they_are_called() -> None:
    flat, crescendo, swell = ([dynamics_curve(s, p / 8) for p in range(9)] for s in ("flat", "crescendo", "swell"))
    assert set(flat) == {1.0}
    assert crescendo == sorted(crescendo)
    assert crescendo[-1] == pytest.approx(1.0)
    assert swell[2] == max(swell)
    assert swell[0] == pytest.approx(swell[4]) == pytest.approx(min(swell))


def test_drums_strike_at_the_tempo_of_the_score() -> None:
    for tempo in (96.0, 128.0):
        alone = replace(PIECE, tempo=tempo, melody_level=0.0, bass="none", reverb=0.0, harmony="pad", density=0.2)
        samples = synthesise(alone, Dice(1))[::2]
        strength = onset_strength(MelSpectrogram()(np.ascontiguousarray(samples)))
        strength = strength - strength.mean()
        lags = np.correlate(strength, strength, "full")[len(strength) - 1 :]
        frames_per_beat = 46.875 * 60.0 / tempo
        around = range(round(0.8 * frames_per_beat), round(1.3 * frames_per_beat))
        best = max(around, key=lambda lag: lags[lag])
        assert best == pytest.approx(frames_per_beat, abs=1.0)


def test_swing_delays_the_off_beats_and_leaves_the_beats() -> None:
    swung, score = replace(PIECE, swing=0.3), compose(PIECE, Dice(1))
    assert seconds_at(3.0, score, swung) == pytest.approx(3.0 * 0.5)
    assert seconds_at(3.5, score, swung) == pytest.approx((3.5 + 0.15) * 0.5)
    assert seconds_at(3.5, score, PIECE) == pytest.approx(3.5 * 0.5)
    moments = [seconds_at(step / 4, score, swung) for step in range(20)]
    assert moments == sorted(moments)


@pytest.mark.parametrize(("scale", "sign"), [("major", 1.0), ("minor", -1.0)])
def test_the_measured_mode_is_the_composed_one(scale: str, sign: float) -> None:
    piece = replace(PIECE, scale=scale, drums="none", texture="arpeggio", harmony="piano", seconds=20.0)
    samples = np.ascontiguousarray(synthesise(piece, Dice(4))[::2])
    mode = audio_features(samples, MelSpectrogram()(samples))[-1]
    assert sign * mode > 0.0


def test_a_low_dull_piece_has_a_lower_centroid_than_a_high_bright_one() -> None:
    def centroid(register: float, brightness: float) -> float:
        piece = replace(PIECE, register=register, brightness=brightness, drums="none")
        samples = np.ascontiguousarray(synthesise(piece, Dice(1))[::2])
        return float(audio_features(samples, MelSpectrogram()(samples))[7])

    assert centroid(-1.0, -0.6) < 0.7 * centroid(1.0, 0.6)


def test_a_crescendo_ends_louder_than_it_begins() -> None:
    samples = synthesise(replace(PIECE, dynamics="crescendo", drums="toms", seconds=24.0), Dice(1))
    assert rms(samples[15 * RATE : 20 * RATE]) > 1.8 * rms(samples[: 5 * RATE])


def test_every_note_of_the_melody_is_heard_at_its_pitch() -> None:
    piece = replace(
        PIECE, lead="flute", bass="none", drums="none", melody_level=1.0, reverb=0.0, density=0.5, harmony="pad"
    )
    samples = synthesise(piece, Dice(6))
    for note in (n for n in compose(piece, Dice(6)).notes if n.part == "melody" and n.length > 0.8):
        start = round((note.start * 0.5 + 0.1) * RATE)
        hertz, power = spectrum(samples[start : start + round(0.3 * RATE)])
        pitch = frequency(note.pitch)
        assert power[np.abs(hertz - pitch) < 6].max() > 0.1 * power.max()


def test_a_flac_file_holds_the_samples_to_half_a_step(tmp_path: Path) -> None:
    track = Track("track_1", "artist_1", "album_1", "00/1.mp3", 8.0, ())
    piece = Piece(track, replace(PIECE, seconds=8.0), (1,))
    perform(tmp_path / "00" / "1.flac", piece, MelParameters())
    read, samples = load_audio(tmp_path / "00" / "1.flac", RATE), synthesise(piece.attributes, Dice(1))
    assert np.abs(read - samples).max() < 1.6 / 32768  # half a step of rounding, and 32,767 against 32,768
