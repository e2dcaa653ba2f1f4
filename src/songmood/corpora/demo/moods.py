"""Moods: which tags a piece with certain attributes is given, as people would: mostly alike, not always.

Each tag has an evidence between -1 (surely not) and 1 (surely); the chance of the tag is its logistic function. Some
tags are then left out and some added, so that no listener, and no network, can be right every time.
"""

import math
from collections.abc import Callable

from songmood.corpora.demo.attributes import Artist, Attributes
from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.rhythm import HARD_DRUMS, SOFT_DRUMS
from songmood.corpora.demo.theory import is_major

_PREFIX = "mood/theme---"
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


def _plays(piece: Attributes, *instruments: str) -> float:
    return _when(piece.lead in instruments or piece.harmony in instruments)


def _softness(piece: Attributes) -> float:
    return _mean(_when(piece.drums in SOFT_DRUMS), _below(piece.loudness, 0.66, 0.15))


def _evidence_of_relaxing(piece: Attributes) -> float:
    mellow = _when(piece.scale not in ("phrygian", "minor") or piece.brightness > -0.2)
    return min(_mean(_softness(piece), _below(piece.tempo, 86, 20), _below(piece.brightness, 0.15, 0.3)), mellow)


def _evidence_of_romantic(piece: Attributes) -> float:
    strummed = _mean(_when(piece.texture == "arpeggio"), _above(piece.melody_level, 0.5, 0.15))
    return min(_when(piece.drums in SOFT_DRUMS), _mean(_plays(piece, "piano", "strings", "guitar"), strummed) + 0.1)


def _evidence_of_happy(piece: Attributes) -> float:
    lively = _mean(_above(piece.tempo, 94, 12), _above(piece.brightness, 0.0, 0.3), _when(piece.drums != "none"))
    return min(lively + 0.2, _mean(_when(is_major(piece.scale)), lively) - 0.1)


def _evidence_of_sad(piece: Attributes) -> float:
    slow = _mean(_below(piece.tempo, 88, 15), _softness(piece), _above(piece.melody_level, 0.3, 0.15))
    return min(slow + 0.1, _mean(_when(not is_major(piece.scale)), slow) - 0.1)


def _evidence_of_epic(piece: Attributes) -> float:
    grand = _when(piece.drums == "toms" or piece.dynamics == "crescendo")
    return _mean(grand, grand, _plays(piece, "brass", "strings", "choir"), _above(piece.reverb, 0.5, 0.15)) - 0.3


def _evidence_of_children(piece: Attributes) -> float:
    light = _when(piece.drums in ("none", "shaker", "brushes"))
    toys = _mean(_plays(piece, "bell", "marimba", "flute"), _when(piece.register > 0), light)
    return min(_above(piece.tempo, 88, 10), toys)


EVIDENCE: dict[str, Callable[[Attributes], float]] = {
    "calm": lambda p: _mean(_softness(p), _below(p.tempo, 90, 20), _below(p.density, 0.9, 0.3)),
    "children": _evidence_of_children,
    "dark": lambda p: _mean(_when(not is_major(p.scale)), _below(p.brightness, -0.1, 0.2), _when(p.register < 0)) + 0.1,
    "energetic": lambda p: _mean(_when(p.drums in HARD_DRUMS), _above(p.tempo, 112, 12), _above(p.loudness, 0.72, 0.1)),
    "epic": _evidence_of_epic,
    "fast": lambda p: _above(p.tempo, 124, 10),
    "game": lambda p: _mean(_when(p.lead == "square"), _when(p.harmony == "square"), _when(p.drums == "chip")) + 0.1,
    "groovy": lambda p: _mean(_when("funk" in (p.drums, p.bass)), _above(p.swing, 0.06, 0.06)) + 0.3,
    "happy": _evidence_of_happy,
    "melodic": lambda p: _mean(_above(p.melody_level, 0.65, 0.15), _above(p.density, 0.9, 0.25)),
    "party": lambda p: min(
        _when(p.drums in ("four", "funk", "pop")), _mean(_above(p.loudness, 0.75, 0.1), _above(p.tempo, 108, 12))
    ),
    "powerful": lambda p: _mean(_above(p.loudness, 0.8, 0.08), _when(p.drive > 0.3 or p.drums in ("toms", "rock"))),
    "relaxing": _evidence_of_relaxing,
    "romantic": _evidence_of_romantic,
    "sad": _evidence_of_sad,
    "slow": lambda p: _below(p.tempo, 76, 8),
    "soundscape": lambda p: _mean(
        _when(p.texture == "sustained"), _when(p.drums in ("none", "heartbeat")), _below(p.density, 0.5, 0.2)
    ),
}

TAGS: tuple[str, ...] = tuple(_PREFIX + name for name in sorted(EVIDENCE))


def evidence(tag: str, piece: Attributes) -> float:
    """How strongly the attributes speak for one of TAGS: -1 (not at all) to 1, some a little beyond."""
    return EVIDENCE[tag.removeprefix(_PREFIX)](piece)


def chances(piece: Attributes) -> dict[str, float]:
    """The chance of each of TAGS before anything is left out or added."""
    return {tag: 1.0 / (1.0 + math.exp(-_STEEPNESS * evidence(tag, piece))) for tag in TAGS}


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
