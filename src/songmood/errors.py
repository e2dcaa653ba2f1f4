"""What a user or a file can cause: one line each, with the remedy.

Entry points print these without a traceback and exit with status 1; anything else is a defect and keeps its traceback.
"""

from collections.abc import Collection
from itertools import islice


def some(names: Collection[str], most: int = 10) -> str:
    """The first of many names for a message, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(islice(names, most)) + more


class SongmoodError(Exception):
    """Something that the user can mend: the message says what, the value, what was expected and the remedy."""


class ConfigError(SongmoodError):
    """A configuration key or value that cannot be used."""


class CorpusError(SongmoodError):
    """A corpus folder, split file or audio file that cannot be used."""


class CacheError(SongmoodError):
    """A spectrogram cache that is missing, damaged, locked or made with other parameters."""


class DownloadError(SongmoodError):
    """A file that no mirror delivered whole."""


class CheckpointError(SongmoodError):
    """A checkpoint that is unreadable or belongs to another tag set, model or corpus."""


class TrainingError(SongmoodError):
    """A training that cannot go on, such as one whose loss is no number any more."""


class SubmissionError(SongmoodError):
    """Score, decision or truth files that do not fit together."""


class RunFolderError(SongmoodError):
    """A run folder that cannot be written, or lacks what a report needs."""


class TaggingError(SongmoodError):
    """Music that cannot be found, results that cannot be written, or fields of a file that cannot be changed."""
