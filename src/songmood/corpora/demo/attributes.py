"""Attributes: what a piece is made of, and how an artist comes to them."""

import itertools
from dataclasses import dataclass, fields

from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.instruments import INSTRUMENTS
from songmood.corpora.demo.styles import HOME_STYLES, STYLES, Range, Style


@dataclass(frozen=True)
class Attributes:
    """Everything the composer and the mixing desk are told about a piece; its tags are derived from these."""

    tempo: float  # beats per minute
    scale: str  # of theory.SCALES
    register: float  # octaves by which melody and harmony are moved: -1, 0 or 1
    lead: str  # of INSTRUMENTS
    harmony: str  # of INSTRUMENTS
    texture: str  # how the harmony is played: sustained, arpeggio, comp or power
    bass: str  # of rhythm.BASS_PATTERNS
    drums: str  # of rhythm.DRUM_PATTERNS
    density: float  # melody notes per beat
    melody_level: float  # 0..1
    dynamics: str  # flat, swell or crescendo
    reverb: float  # 0..1
    echo: float  # 0..1
    drive: float  # 0..1
    brightness: float  # -1..1
    swing: float  # 0..1/3: how late the off-beats come, in halves of a beat
    loudness: float  # 0..1: the peak
    tonic: int = 0  # pitch class, 0 is C
    tuning: float = 0.0  # cents off A 440
    seconds: float = 36.0


_BORROWED = 0.07  # how often an attribute comes from another style than the piece's own
_FAVOURITE = 0.15  # how often an artist plays the lead on the favourite instrument, whatever the style


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

    Args:
        artist: whose piece it is.
        seconds: about how long; the piece is up to a tenth shorter or longer.
        dice: the piece's own.
    """
    homes = (*artist.home_styles, dice.pick(HOME_STYLES))
    style = homes[_weighted((0.45, 0.25, 0.30), dice)]
    drawn: dict[str, str | float] = {}
    for field in fields(Style):
        source = dice.pick(HOME_STYLES) if dice.uniform() < _BORROWED else style
        drawn[field.name] = _draw(getattr(STYLES[source], field.name), dice)
    if dice.uniform() < _FAVOURITE:
        drawn["lead"] = artist.favourite
    drawn["register"] = float(round(float(drawn["register"])))
    drawn["brightness"] = round(min(1.0, max(-1.0, float(drawn["brightness"]) + artist.brightness)), 3)
    drawn["reverb"] = round(min(1.0, max(0.0, float(drawn["reverb"]) + artist.reverb)), 3)
    return Attributes(
        **drawn,  # type: ignore[arg-type]  # names and kinds are those of Style
        tonic=dice.below(12),
        tuning=artist.tuning,
        seconds=round(seconds * dice.uniform(0.9, 1.1), 1),
    )


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


def _draw(options: tuple[str, ...] | Range, dice: Dice) -> str | float:
    if isinstance(options[0], str):
        return str(options[dice.below(len(options))])
    low, high = (float(bound) for bound in options)
    return round(dice.uniform(low, high), 3)


def _weighted(weights: tuple[float, ...], dice: Dice) -> int:
    point = dice.uniform() * sum(weights)
    return sum(point >= border for border in list(itertools.accumulate(weights))[:-1])
