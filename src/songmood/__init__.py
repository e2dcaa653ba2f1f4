"""Songmood: train, evaluate and use mood-and-theme taggers for music."""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {"load_tagger": "songmood.tagging.load"}  # name -> its module, which is imported when it is asked for
__all__ = ["load_tagger"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
