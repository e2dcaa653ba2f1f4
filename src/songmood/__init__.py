"""Songmood: train, evaluate and use mood-and-theme taggers for music.

The names in `__all__` are the API. Each is imported when it is first asked for: `import songmood` alone loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songmood.audio.parameters import MelParameters
    from songmood.cache.read import MelCache
    from songmood.corpora.demo import DemoCorpus
    from songmood.corpora.folder import FolderCorpus
    from songmood.corpora.jamendo.corpus import JamendoCorpus
    from songmood.errors import SongmoodError
    from songmood.evaluation.bootstrap import bootstrap
    from songmood.evaluation.comparison import compare
    from songmood.evaluation.ensemble import combine
    from songmood.evaluation.metrics import evaluate
    from songmood.evaluation.rules import F1, Elbow, Fixed, MicroF1, OrganisersF1, Prior, Youden
    from songmood.evaluation.shrinkage import ShrunkenF1
    from songmood.evaluation.thresholds import decide
    from songmood.loading.batch import Batch
    from songmood.loading.datamodule import MoodDataModule
    from songmood.loading.windows import AllWindows, CentreWindow, FreshWindows, RandomWindows
    from songmood.models.net import Net
    from songmood.runs.api import FinishedRun, evaluate_checkpoint, train
    from songmood.tagging.load import load_tagger
    from songmood.tagging.music_tagger import MusicTagger
    from songmood.training.card import ModelCard
    from songmood.training.tagger import Tagger
    from songmood.training.thresholding import ThresholdFitting

__version__ = "0.1.0"

_HOMES = {
    "songmood.audio.parameters": ("MelParameters",),
    "songmood.cache.read": ("MelCache",),
    "songmood.corpora.demo": ("DemoCorpus",),
    "songmood.corpora.folder": ("FolderCorpus",),
    "songmood.corpora.jamendo.corpus": ("JamendoCorpus",),
    "songmood.errors": ("SongmoodError",),
    "songmood.evaluation.bootstrap": ("bootstrap",),
    "songmood.evaluation.comparison": ("compare",),
    "songmood.evaluation.ensemble": ("combine",),
    "songmood.evaluation.metrics": ("evaluate",),
    "songmood.evaluation.rules": ("Elbow", "F1", "Fixed", "MicroF1", "OrganisersF1", "Prior", "Youden"),
    "songmood.evaluation.shrinkage": ("ShrunkenF1",),
    "songmood.evaluation.thresholds": ("decide",),
    "songmood.loading.batch": ("Batch",),
    "songmood.loading.datamodule": ("MoodDataModule",),
    "songmood.loading.windows": ("AllWindows", "CentreWindow", "FreshWindows", "RandomWindows"),
    "songmood.models.net": ("Net",),
    "songmood.runs.api": ("FinishedRun", "evaluate_checkpoint", "train"),
    "songmood.tagging.load": ("load_tagger",),
    "songmood.tagging.music_tagger": ("MusicTagger",),
    "songmood.training.card": ("ModelCard",),
    "songmood.training.tagger": ("Tagger",),
    "songmood.training.thresholding": ("ThresholdFitting",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # a test holds it, the imports above and _HOMES to each other
    "F1",
    "AllWindows",
    "Batch",
    "CentreWindow",
    "DemoCorpus",
    "Elbow",
    "FinishedRun",
    "Fixed",
    "FolderCorpus",
    "FreshWindows",
    "JamendoCorpus",
    "MelCache",
    "MelParameters",
    "MicroF1",
    "ModelCard",
    "MoodDataModule",
    "MusicTagger",
    "Net",
    "OrganisersF1",
    "Prior",
    "RandomWindows",
    "ShrunkenF1",
    "SongmoodError",
    "Tagger",
    "ThresholdFitting",
    "Youden",
    "bootstrap",
    "combine",
    "compare",
    "decide",
    "evaluate",
    "evaluate_checkpoint",
    "load_tagger",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'songmood' has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
