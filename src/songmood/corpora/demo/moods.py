"""Moods: which tags a piece with certain attributes is given, as people would: mostly alike, not always.

Each tag has an evidence between -1 (surely not) and 1 (surely); the chance of the tag is its logistic function. Some
tags are then left out and some added, so that no listener, and no network, can be right every time.
"""

import math

from songmood.corpora.demo.styles import Artist, Attributes
from songmood.corpora.demo.theory import HARD_DRUMS, SOFT_DRUMS, is_major
from songmood.random_bits import Dice

_PREFIX = "mood/theme---"
_MOODS = "calm children dark energetic epic fast game groovy happy melodic party powerful relaxing romantic sad slow"
TAGS = tuple(_PREFIX + name for name in [*_MOODS.split(), "soundscape"])
_STEEPNESS = 8.0  # evidence 0.3 is a chance of 0.92
_LEFT_OUT = 0.05  # chance that a tag which fits is not written down
_FORGOTTEN = 0.3  # the same for the one tag that the artist tends to forget
_ADDED = 0.01  # chance that a tag which does not fit is


def _when(claim: bool) -> float:
    return 1.0 if claim else -1.0


def _above(value: float, middle: float, width: float) -> float:
    return min(1.0, max(-1.0, (value - middle) / width))


def _below(value: float, middle: float, width: float) -> float:
    return -_above(value, middle, width)


def _mean(*evidence: float) -> float:
    return sum(evidence) / len(evidence)


def evidence(p: Attributes) -> dict[str, float]:
    """How strongly the attributes speak for each of TAGS: -1 (not at all) to 1, some a little beyond."""

    def plays(*instruments: str) -> float:
        return _when(p.lead in instruments or p.harmony in instruments)

    major, minor = _when(is_major(p.scale)), _when(not is_major(p.scale))
    soft_drums = _when(p.drums in SOFT_DRUMS)
    softness = _mean(soft_drums, _below(p.loudness, 0.66, 0.15))
    grand = _when(p.drums == "toms" or p.dynamics == "crescendo")
    mellow = _when(p.scale not in ("phrygian", "minor") or p.brightness > -0.2)
    strummed = _mean(_when(p.texture == "arpeggio"), _above(p.melody_level, 0.5, 0.15))
    lively = _mean(_above(p.tempo, 94, 12), _above(p.brightness, 0.0, 0.3), _when(p.drums != "none"))
    mourning = _mean(_below(p.tempo, 88, 15), softness, _above(p.melody_level, 0.3, 0.15))
    pounding = _mean(_above(p.loudness, 0.75, 0.1), _above(p.tempo, 108, 12))
    gentle = _when(p.drums in ("none", "shaker", "brushes"))
    still = _mean(_when(p.texture == "sustained"), _when(p.drums in ("none", "heartbeat")), _below(p.density, 0.5, 0.2))
    named = {
        "calm": _mean(softness, _below(p.tempo, 90, 20), _below(p.density, 0.9, 0.3)),
        "children": min(
            _above(p.tempo, 88, 10), _mean(plays("bell", "marimba", "flute"), _when(p.register > 0), gentle)
        ),
        "dark": _mean(minor, _below(p.brightness, -0.1, 0.2), _when(p.register < 0)) + 0.1,
        "energetic": _mean(_when(p.drums in HARD_DRUMS), _above(p.tempo, 112, 12), _above(p.loudness, 0.72, 0.1)),
        "epic": _mean(grand, grand, plays("brass", "strings", "choir"), _above(p.reverb, 0.5, 0.15)) - 0.3,
        "fast": _above(p.tempo, 124, 10),
        "game": _mean(_when(p.lead == "square"), _when(p.harmony == "square"), _when(p.drums == "chip")) + 0.1,
        "groovy": _mean(_when("funk" in (p.drums, p.bass)), _above(p.swing, 0.06, 0.06)) + 0.3,
        "happy": min(lively + 0.2, _mean(major, lively) - 0.1),
        "melodic": _mean(_above(p.melody_level, 0.65, 0.15), _above(p.density, 0.9, 0.25)),
        "party": min(_when(p.drums in ("four", "funk", "pop")), pounding),
        "powerful": _mean(_above(p.loudness, 0.8, 0.08), _when(p.drive > 0.3 or p.drums in ("toms", "rock"))),
        "relaxing": min(_mean(softness, _below(p.tempo, 86, 20), _below(p.brightness, 0.15, 0.3)), mellow),
        "romantic": min(soft_drums, _mean(plays("piano", "strings", "guitar"), strummed) + 0.1),
        "sad": min(mourning + 0.1, _mean(minor, mourning) - 0.1),
        "slow": _below(p.tempo, 76, 8),
        "soundscape": still,
    }
    return {_PREFIX + name: value for name, value in named.items()}


def chances(piece: Attributes) -> dict[str, float]:
    """The chance of each of TAGS before anything is left out or added."""
    return {tag: 1.0 / (1.0 + math.exp(-_STEEPNESS * value)) for tag, value in evidence(piece).items()}


def draw_tags(piece: Attributes, artist: Artist, dice: Dice) -> tuple[str, ...]:
    """The tags of a piece, at least one, sorted."""
    chance = chances(piece)
    tags = []
    for tag in TAGS:
        fits, luck = dice.uniform() < chance[tag], dice.uniform()
        left_out = _FORGOTTEN if tag == artist.forgotten_tag else _LEFT_OUT
        if luck >= left_out if fits else luck < _ADDED:
            tags.append(tag)
    return tuple(tags) or (max(TAGS, key=chance.__getitem__),)
