"""Compose: attributes become a score of melody, harmony, bass and drums."""

import math

from songmood.corpora.demo.attributes import Attributes
from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.melody import compose_melody
from songmood.corpora.demo.rhythm import BASS_PATTERNS, STEPS_PER_BEAT, drum_hits
from songmood.corpora.demo.score import BEATS_PER_BAR, Note, Score
from songmood.corpora.demo.theory import CADENCES, PROGRESSIONS, degree_pitch, triad, voice_lead

RING = 3.0  # seconds at least that the last chord rings
_MIDDLE, _BASS = 60, 36  # pitches of the lowest tonic of the melody and of the bass, at register 0
_PLUCKED = frozenset({"piano", "guitar", "epiano", "bell", "marimba"})

# When the chords of a bar are struck, (beat, length, velocity), for the textures that strike them together.
_STRIKES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "sustained": ((0.0, 4.0, 0.7),),
    "comp": ((0.0, 0.8, 0.75), (1.5, 0.4, 0.6), (2.5, 0.8, 0.7), (3.5, 0.4, 0.55)),
    "power": tuple((step / 2, 0.46, 0.9 if step % 4 == 0 else 0.7) for step in range(8)),
}
_ARPEGGIO = (0, 1, 2, 3, 2, 1, 2, 1)  # voices of the eighths of a bar; 3 is the lowest one an octave above


def compose(piece: Attributes, dice: Dice) -> Score:
    """The score of a piece; the same attributes and dice give the same score."""
    seconds_per_bar = BEATS_PER_BAR * 60.0 / piece.tempo
    num_bars = max(2, int((piece.seconds - RING) / seconds_per_bar))
    progressions = PROGRESSIONS[piece.scale]
    progression = progressions[dice.below(len(progressions))]
    roots = [progression[bar % len(progression)] for bar in range(num_bars - 1)] + [CADENCES[piece.scale]]
    ring = piece.seconds / seconds_per_bar * BEATS_PER_BAR - num_bars * BEATS_PER_BAR
    entrance = 0 if num_bars < 6 else 2 if num_bars >= 12 else 1  # the melody lets the others begin
    notes = [
        *_harmony(piece, [*roots, 0], ring),
        *_bass(piece, roots, ring),
        *_melody(piece, roots, entrance, ring, dice),
    ]
    hits = drum_hits(piece.drums, entrance // 2, num_bars, dice)
    return Score(piece.tempo, num_bars, tuple(notes), tuple(hits))


def _tonic(piece: Attributes, middle: int) -> int:
    """The tonic nearest to `middle`: keys a fifth apart do not differ in register by a fifth."""
    return middle - 6 + (piece.tonic - middle + 6) % 12


def _melody(piece: Attributes, roots: list[int], entrance: int, ring: float, dice: Dice) -> list[Note]:
    tonic = _tonic(piece, _MIDDLE + 12 * int(piece.register) + 6)
    tones = compose_melody(roots, entrance, piece.density, dice)
    level = 0.25 + 0.75 * piece.melody_level
    notes = [
        Note("melody", piece.lead, t.start, t.length, degree_pitch(piece.scale, tonic, t.degree), level * t.velocity)
        for t in tones
    ]
    end = len(roots) * BEATS_PER_BAR
    home = 7 if tones and tones[-1].degree > 3 else 0
    return [*notes, Note("melody", piece.lead, end, ring * 0.6, degree_pitch(piece.scale, tonic, home), level * 0.8)]


def _harmony(piece: Attributes, roots: list[int], ring: float) -> list[Note]:
    tonic = _tonic(piece, _MIDDLE + 12 * min(0, int(piece.register)) + (5 if piece.register > 0 else 0))
    voicing: tuple[int, ...] = triad(piece.scale, tonic, 0)
    notes = []
    for bar, root in enumerate(roots):
        voicing = voice_lead(triad(piece.scale, tonic, root), voicing)
        start = float(bar * BEATS_PER_BAR)
        if bar == len(roots) - 1:
            events = [(start, ring * 0.8, pitch, 0.75) for pitch in voicing]
        elif piece.texture == "arpeggio":
            events = _arpeggio(start, voicing, 1.8 if piece.harmony in _PLUCKED else 0.6)
        elif piece.texture == "power":
            power = _power_chord(piece, tonic, root)
            events = [(start + b, length, p, v) for b, length, v in _STRIKES["power"] for p in power]
        else:
            strikes = _STRIKES[piece.texture]
            events = [(start + b, length * 0.97, p, v) for b, length, v in strikes for p in voicing]
        notes += [Note("harmony", piece.harmony, b, length, pitch, v) for b, length, pitch, v in events]
    return notes


def _arpeggio(start: float, voicing: tuple[int, ...], length: float) -> list[tuple[float, float, int, float]]:
    voices = (*voicing, voicing[0] + 12)
    return [
        (start + index / 2, length, voices[voice], 0.8 if index % 4 == 0 else 0.65)
        for index, voice in enumerate(_ARPEGGIO)
    ]


def _power_chord(piece: Attributes, tonic: int, root: int) -> tuple[int, int, int]:
    """Root, fifth and octave low down: a third would turn to mud under overdrive."""
    low, fifth = (degree_pitch(piece.scale, tonic - 12, root % 7 + step) for step in (0, 4))
    while low > 50:
        low, fifth = low - 12, fifth - 12
    return low, fifth, low + 12


def _bass(piece: Attributes, roots: list[int], ring: float) -> list[Note]:
    pattern = BASS_PATTERNS[piece.bass]
    if not pattern:
        return []
    instrument = "synth_bass" if piece.bass in ("offbeat", "octaves", "pulse") else "bass"
    if piece.bass == "drone":
        instrument = "pad" if piece.texture == "sustained" else "strings"
    tonic = _tonic(piece, _BASS + 2)
    velocity = 0.55 if piece.bass == "drone" else 0.9  # a held bass would bury what stands above it
    notes = []
    for bar, root in enumerate(roots):
        for step, length, above in pattern:
            degree = above + (root if root < 4 else root - 7)
            start = bar * BEATS_PER_BAR + step / STEPS_PER_BEAT
            pitch = degree_pitch(piece.scale, tonic, degree)
            notes.append(Note("bass", instrument, start, length / STEPS_PER_BEAT * 0.92, pitch, velocity))
    end = len(roots) * BEATS_PER_BAR
    return [*notes, Note("bass", instrument, end, ring * 0.6, tonic, velocity)]


def dynamics_curve(shape: str, progress: float) -> float:
    """The gain at a place in the piece, 0 (beginning) to 1 (end)."""
    if shape == "crescendo":
        return 0.22 + 0.78 * progress
    if shape == "swell":
        return 0.62 - 0.38 * math.cos(4.0 * math.pi * progress)
    return 1.0
