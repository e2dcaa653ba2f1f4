"""AcousticBrainz documents to rows of numbers: which key of which document a feature is.

A track's documents are `NN/ID.json` (blocks lowlevel, rhythm, tonal) and, where somebody has it, a second one,
`NN/ID.json.highlevel.json` (block highlevel). A feature's name is the path to its value, such as ``rhythm.bpm``. A key
of music is no number, so three names stand for its position on the circle of fifths and its mode:
``tonal.key.cosine``, ``tonal.key.sine`` (C is 0 degrees, G 30) and ``tonal.key.is_major`` (1 or 0). Extractor versions
differ in where they keep the key: each of the places in `_KEY_BLOCKS` is tried.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.errors import ConfigError

LARGEST_DOCUMENT = 8 << 20  # bytes; they have some hundred thousand
_FIFTHS = ("C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#", "F")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
_KEY_BLOCKS = (  # (key, scale, strength), the newer extractors' first
    ("tonal.key_edma.key", "tonal.key_edma.scale", "tonal.key_edma.strength"),
    ("tonal.key_key", "tonal.key_scale", "tonal.key_strength"),
)
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
SUFFIXES = (".json", ".json.highlevel.json")
FEATURES = (  # what a cache holds, of which a feature set is a choice
    "lowlevel.average_loudness",
    "lowlevel.dynamic_complexity",
    "rhythm.bpm",
    "rhythm.danceability",
    "rhythm.onset_rate",
    "tonal.key.cosine",
    "tonal.key.sine",
    "tonal.key.is_major",
    "tonal.key.strength",
    "highlevel.danceability.all.danceable",
    *(
        f"highlevel.genre_tzanetakis.all.{g}"
        for g in ("blu", "cla", "cou", "dis", "hip", "jaz", "met", "pop", "reg", "roc")
    ),
    *(
        f"highlevel.mood_{mood}.all.{mood}"
        for mood in ("acoustic", "aggressive", "electronic", "happy", "party", "relaxed", "sad")
    ),
    "highlevel.timbre.all.bright",
    "highlevel.timbre.all.dark",
    "highlevel.tonal_atonal.all.tonal",
)


@dataclass(frozen=True)
class FeatureSet:
    """The features that a model is given."""

    name: str  # as in the configuration
    columns: Sequence[str]  # names of features, in order

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(FEATURES))
        if unknown or not self.columns or len(set(self.columns)) < len(self.columns):
            wrong = ", ".join(unknown) or f"the columns {list(self.columns)}"
            raise ConfigError(f"feature set {self.name}: {wrong}; expected some of {', '.join(FEATURES)}, each once")


def parse_document(content: bytes | memoryview) -> dict[str, Any]:
    """The JSON object in a document.

    Raises:
        ValueError: in a few words, why it is none.
    """
    try:
        document = json.loads(bytes(content))
    except RecursionError:
        raise ValueError("a JSON document that is nested too deeply") from None
    except ValueError as error:  # of JSON, or of UTF-8
        raise ValueError(f"not a JSON document ({error})") from None
    if not isinstance(document, dict):
        raise ValueError(f"a JSON {type(document).__name__}, expected an object")
    return document


def feature_row(document: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.float32]:
    """The (F,) values of `names`, NaN where the document does not hold a finite number there."""
    key = _key(document)
    return np.array([key[name] if name in key else _number(document, name) for name in names], np.float32)


def merge_rows(rows: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One (F,) row of several of the same track: of each feature the first value that is there."""
    merged, *others = rows
    for row in others:
        merged = np.where(np.isnan(merged), row, merged)
    return merged


def _value(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _number(document: Mapping[str, Any], path: str) -> float:
    """NaN for anything else than a number within float32's range."""
    value = _value(document, path)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= LARGEST_FLOAT32 else math.nan  # integers may be of any length


def _key(document: Mapping[str, Any]) -> dict[str, float]:
    """The features that stand for the key; none where there is no key."""
    for key_path, scale_path, strength_path in _KEY_BLOCKS:
        key = _value(document, key_path)
        if isinstance(key, str) and _FLATS.get(key, key) in _FIFTHS:
            angle = math.radians(30.0 * _FIFTHS.index(_FLATS.get(key, key)))
            return {
                "tonal.key.cosine": math.cos(angle),
                "tonal.key.sine": math.sin(angle),
                "tonal.key.is_major": {"major": 1.0, "minor": 0.0}.get(str(_value(document, scale_path)), math.nan),
                "tonal.key.strength": _number(document, strength_path),
            }
    return {}
