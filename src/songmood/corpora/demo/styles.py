"""Styles: what a piece is made of, drawn from the ranges and choices of a style and coloured by an artist's habits."""

from dataclasses import dataclass, fields
from typing import Any

from songmood.corpora.demo.instruments import INSTRUMENTS
from songmood.random_bits import Dice

_BORROWED = 0.07  # how often an attribute comes from another style than the piece's own
_FAVOURITE = 0.15  # how often an artist plays the lead on the favourite instrument, whatever the style


@dataclass(frozen=True)
class Attributes:
    """Everything the composer and the mixing desk are told about a piece; its tags are derived from these."""

    tempo: float  # beats per minute
    scale: str  # of theory.SCALES
    register: float  # octaves by which melody and harmony are moved: -1, 0 or 1
    lead: str  # of instruments.INSTRUMENTS, as the harmony
    harmony: str
    texture: str  # how the harmony is played: arpeggio, or one of theory.CHORD_PATTERNS
    bass: str  # of theory.BASS_PATTERNS
    drums: str  # of theory.DRUM_PATTERNS
    density: float  # melody notes per beat
    melody_level: float  # 0..1
    dynamics: str  # flat, swell or crescendo
    reverb: float  # 0..1
    loudness: float  # 0..1: the peak
    brightness: float  # -1..1
    echo: float = 0.0  # 0..1
    drive: float = 0.0  # 0..1
    swing: float = 0.0  # 0..1/3: how late the off-beats come, in halves of a beat
    # What follows no style:
    tonic: int = 0  # pitch class, 0 is C
    tuning: float = 0.0  # cents off A 440
    seconds: float = 36.0


# For each style the range of an attribute, or the words of which one is drawn: a word that stands twice is twice as
# likely.
# fmt: off
STYLES: dict[str, dict[str, str | tuple[float, float]]] = {
    "ambient": {
        "tempo": (50, 72), "scale": "lydian major dorian", "register": (0, 1), "lead": "bell flute choir",
        "harmony": "pad choir strings", "texture": "sustained", "bass": "none drone", "drums": "none none heartbeat",
        "density": (0.15, 0.5), "melody_level": (0.15, 0.45), "dynamics": "swell", "reverb": (0.6, 1),
        "loudness": (0.3, 0.55), "brightness": (-0.6, 0.2), "echo": (0.2, 0.6),
    },
    "lament": {
        "tempo": (54, 78), "scale": "minor minor phrygian dorian", "register": (-1, 0),
        "lead": "strings piano flute choir", "harmony": "strings piano organ", "texture": "sustained arpeggio",
        "bass": "drone fifths", "drums": "none none brushes", "density": (0.4, 0.9), "melody_level": (0.5, 0.9),
        "dynamics": "flat swell", "reverb": (0.4, 0.7), "loudness": (0.35, 0.6), "brightness": (-0.5, 0.1),
    },
    "ballad": {
        "tempo": (62, 92), "scale": "major major lydian minor", "register": (0, 0),
        "lead": "piano strings flute guitar", "harmony": "piano strings guitar",
        "texture": "arpeggio arpeggio sustained", "bass": "fifths", "drums": "none brushes", "density": (0.6, 1.1),
        "melody_level": (0.6, 1), "dynamics": "flat swell", "reverb": (0.3, 0.6), "loudness": (0.4, 0.65),
        "brightness": (-0.2, 0.3),
    },
    "cinematic": {
        "tempo": (84, 140), "scale": "minor minor dorian phrygian", "register": (-1, 0), "lead": "brass strings choir",
        "harmony": "strings brass choir", "texture": "sustained comp", "bass": "drone pulse", "drums": "toms",
        "density": (0.5, 1), "melody_level": (0.5, 0.8), "dynamics": "crescendo", "reverb": (0.6, 0.9),
        "loudness": (0.8, 0.95), "brightness": (-0.1, 0.4),
    },
    "shadow": {
        "tempo": (58, 100), "scale": "phrygian minor", "register": (-1, -1), "lead": "choir brass bell",
        "harmony": "pad strings choir organ", "texture": "sustained", "bass": "drone",
        "drums": "none heartbeat heartbeat", "density": (0.15, 0.5), "melody_level": (0.2, 0.5),
        "dynamics": "swell crescendo", "reverb": (0.5, 0.9), "loudness": (0.4, 0.7), "brightness": (-1, -0.4),
        "echo": (0.1, 0.5),
    },
    "dance": {
        "tempo": (118, 134), "scale": "minor minor major", "register": (0, 1), "lead": "saw square piano",
        "harmony": "saw pad organ", "texture": "comp arpeggio", "bass": "offbeat octaves", "drums": "four",
        "density": (0.8, 1.6), "melody_level": (0.5, 0.9), "dynamics": "flat", "reverb": (0.15, 0.4),
        "loudness": (0.85, 0.95), "brightness": (0.2, 0.8), "echo": (0.1, 0.4),
    },
    "groove": {
        "tempo": (88, 112), "scale": "dorian dorian mixolydian", "register": (0, 0),
        "lead": "epiano organ guitar brass", "harmony": "epiano organ guitar", "texture": "comp", "bass": "funk",
        "drums": "funk", "density": (0.7, 1.4), "melody_level": (0.4, 0.8), "dynamics": "flat", "reverb": (0.1, 0.25),
        "loudness": (0.6, 0.85), "brightness": (-0.1, 0.4), "swing": (0.1, 0.3),
    },
    "rock": {
        "tempo": (112, 172), "scale": "minor dorian phrygian", "register": (0, 0), "lead": "distorted saw organ",
        "harmony": "distorted", "texture": "power", "bass": "pulse", "drums": "rock", "density": (0.6, 1.4),
        "melody_level": (0.4, 0.8), "dynamics": "flat crescendo", "reverb": (0.1, 0.3), "loudness": (0.88, 0.95),
        "brightness": (0, 0.5), "drive": (0.5, 1),
    },
    "chip": {
        "tempo": (122, 172), "scale": "major major minor", "register": (0, 1), "lead": "square",
        "harmony": "square saw", "texture": "arpeggio", "bass": "octaves pulse", "drums": "chip", "density": (1, 1.9),
        "melody_level": (0.6, 1), "dynamics": "flat", "reverb": (0, 0.12), "loudness": (0.6, 0.9),
        "brightness": (0, 0.6), "echo": (0, 0.3),
    },
    "toys": {
        "tempo": (92, 138), "scale": "major major lydian", "register": (1, 1), "lead": "bell marimba flute",
        "harmony": "marimba bell piano guitar", "texture": "arpeggio comp", "bass": "none fifths",
        "drums": "none shaker", "density": (0.8, 1.4), "melody_level": (0.7, 1), "dynamics": "flat",
        "reverb": (0.15, 0.4), "loudness": (0.4, 0.7), "brightness": (0, 0.5), "swing": (0, 0.2),
    },
    "sunny": {
        "tempo": (100, 148), "scale": "major major mixolydian", "register": (0, 1),
        "lead": "guitar piano flute marimba", "harmony": "guitar piano organ", "texture": "comp arpeggio",
        "bass": "fifths octaves", "drums": "pop pop shaker", "density": (0.8, 1.4), "melody_level": (0.6, 1),
        "dynamics": "flat", "reverb": (0.1, 0.3), "loudness": (0.65, 0.9), "brightness": (0.1, 0.6),
    },
}
# fmt: on

_STYLED = tuple(field.name for field in fields(Attributes))[:-3]

# What artists choose from: the styles whose tags hardly any other style carries stand twice.
HOME_STYLES: tuple[str, ...] = (*STYLES, "chip", "dance")


@dataclass(frozen=True)
class Artist:
    """Habits that all pieces of an artist share and that have nothing to do with their moods."""

    artist_id: str
    home_styles: tuple[str, str]
    favourite: str  # lead instrument
    tuning: float  # cents
    brightness: float  # added to every piece's
    reverb: float  # added to every piece's
    forgotten_tag: str  # a tag that the artist often leaves out


def draw_attributes(artist: Artist, seconds: float, dice: Dice) -> Attributes:
    """The attributes of one piece: mostly of one style, some borrowed, coloured by the artist's habits.

    It lasts `seconds`, or up to a tenth less or more; the dice are the piece's own.
    """
    homes = (*artist.home_styles, dice.pick(HOME_STYLES))
    luck = dice.uniform()
    style = homes[0 if luck < 0.45 else 1 if luck < 0.7 else 2]
    drawn: dict[str, Any] = {}
    for name in _STYLED:
        source = dice.pick(HOME_STYLES) if dice.uniform() < _BORROWED else style
        options = STYLES[source].get(name, (0.0, 0.0))
        drawn[name] = dice.pick(options.split()) if isinstance(options, str) else round(dice.uniform(*options), 3)
    if dice.uniform() < _FAVOURITE:
        drawn["lead"] = artist.favourite
    drawn["register"] = float(round(drawn["register"]))
    drawn["brightness"] = round(min(1.0, max(-1.0, drawn["brightness"] + artist.brightness)), 3)
    drawn["reverb"] = round(min(1.0, max(0.0, drawn["reverb"] + artist.reverb)), 3)
    tonic, length = dice.below(12), round(seconds * dice.uniform(0.9, 1.1), 1)
    return Attributes(**drawn, tonic=tonic, tuning=artist.tuning, seconds=length)


def draw_artist(artist_id: str, home_styles: tuple[str, str], tags: tuple[str, ...], dice: Dice) -> Artist:
    """An artist with habits of their own; `tags` are those of which one is forgotten."""
    leads = sorted(set(INSTRUMENTS) - {"bass", "synth_bass", "distorted", "pad"})
    return Artist(
        artist_id=artist_id,
        home_styles=home_styles,
        favourite=dice.pick(leads),
        tuning=round(dice.uniform(-30.0, 30.0), 1),
        brightness=round(dice.uniform(-0.15, 0.15), 2),
        reverb=round(dice.uniform(-0.1, 0.1), 2),
        forgotten_tag=dice.pick(tags),
    )
