"""Songmood: train, evaluate and use mood-and-theme taggers for music.

The names in `__all__` are the API. Each is imported when it is first asked for: `import songmood` alone loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from songmood.audio.parameters import MelParameters as MelParameters
    from songmood.cache.read import MelCache as MelCache
    from songmood.corpora.demo import DemoCorpus as DemoCorpus
    from songmood.corpora.folder import FolderCorpus as FolderCorpus
    from songmood.corpora.jamendo.corpus import JamendoCorpus as JamendoCorpus
    from songmood.errors import SongmoodError as SongmoodError
    from songmood.evaluation.bootstrap import bootstrap as bootstrap
    from songmood.evaluation.comparison import compare as compare
    from songmood.evaluation.ensemble import combine as combine
    from songmood.evaluation.metrics import evaluate as evaluate
    from songmood.evaluation.rules import F1 as F1
    from songmood.evaluation.rules import Elbow as Elbow
    from songmood.evaluation.rules import Fixed as Fixed
    from songmood.evaluation.rules import MicroF1 as MicroF1
    from songmood.evaluation.rules import OrganisersF1 as OrganisersF1
    from songmood.evaluation.rules import Prior as Prior
    from songmood.evaluation.rules import Youden as Youden
    from songmood.evaluation.shrinkage import ShrunkenF1 as ShrunkenF1
    from songmood.evaluation.thresholds import decide as decide
    from songmood.loading.batch import Batch as Batch
    from songmood.loading.datamodule import MoodDataModule as MoodDataModule
    from songmood.loading.windows import AllWindows as AllWindows
    from songmood.loading.windows import CentreWindow as CentreWindow
    from songmood.loading.windows import FreshWindows as FreshWindows
    from songmood.loading.windows import RandomWindows as RandomWindows
    from songmood.models.net import Net as Net
    from songmood.runs.api import FinishedRun as FinishedRun
    from songmood.runs.api import evaluate_checkpoint as evaluate_checkpoint
    from songmood.runs.api import train as train
    from songmood.tagging.load import load_tagger as load_tagger
    from songmood.tagging.music_tagger import MusicTagger as MusicTagger
    from songmood.training.card import ModelCard as ModelCard
    from songmood.training.tagger import Tagger as Tagger
    from songmood.training.thresholding import ThresholdFitting as ThresholdFitting

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

__all__ = sorted(_HOME_OF)  # a test holds it to the imports above, which type checkers and editors read


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'songmood' has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
