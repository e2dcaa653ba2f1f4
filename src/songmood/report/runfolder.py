"""A run folder, read and checked: what training left behind, as arrays and plain values."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from songmood.errors import RunFolderError, SubmissionError
from songmood.evaluation.curves import Booleans, Floats
from songmood.evaluation.metrics import Evaluation, evaluate
from songmood.evaluation.submission import (
    DECISIONS,
    PREDICTIONS,
    TARGETS,
    read_decisions,
    read_scores,
    read_targets,
    refuse_other_shape,
)
from songmood.evaluation.thresholds import ThresholdTable, read_thresholds
from songmood.runs.results import Series, read_series

TRACKS = "tracks.txt"
EARLIER = re.compile(r"epoch_(\d+)")  # the folder of a checkpoint that the run kept on its way
OF_THE_MOMENT = ("seed", "ckpt_path")  # what seeds of one row differ in; and resuming changes no result
METRICS_AGREE = 1e-6  # metrics.json is the same arithmetic; more apart than this and it is of other scores


@dataclass(frozen=True)
class Split:
    """What a run says of one split.

    Attributes:
        scores: (N, L).
        decisions: (N, L).
        targets: (N, L).
        track_ids: (N,) which track each row is of; empty where the run does not say.
    """

    scores: Floats
    decisions: Booleans
    targets: Booleans
    track_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What one checkpoint of a run scores.

    Attributes:
        epochs: it was trained for; None where nothing was trained or nothing says.
        is_final: whether it is the run's last.
        test: the split that is reported.
        validation: the windows that the thresholds were fitted on; None where the run kept none.
        thresholds: None where the run kept none.
        fitted_on: the set that the thresholds were fitted on.
        evaluation: of the test split.
    """

    epochs: int | None
    is_final: bool
    test: Split
    validation: Split | None
    thresholds: ThresholdTable | None
    fitted_on: str
    evaluation: Evaluation

    @property
    def rule(self) -> str:
        """Which rule fitted the thresholds, in words."""
        rules = () if self.thresholds is None else self.thresholds.rule
        return ", ".join(dict.fromkeys(rules)) or "an unnamed rule"


@dataclass(frozen=True)
class RunFolder:
    """A run.

    Attributes:
        path: the folder.
        tags: (L,) in column order.
        results: the earlier checkpoints' first, the final one last.
        series: the learning curves, empty for a run that trains nothing.
        provenance: the content of `provenance.json`, empty where there is none.
    """

    path: Path
    tags: tuple[str, ...]
    results: tuple[Result, ...]
    series: Series = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def experiment(self) -> str | None:
        """Which configuration it is a run of."""
        found = self.provenance.get("experiment")
        return str(found) if found else None

    @property
    def seed(self) -> int | None:
        """The run's seed, where it says."""
        found = self.provenance.get("seed")
        return found if isinstance(found, int) else None

    @property
    def shared_config(self) -> dict[str, Any]:
        """The configuration as far as seeds of one row share it; empty where the run does not say.

        Absolute paths lose their folders, so that the same run elsewhere reads the same.
        """
        config = self._said("config")
        return {key: _placeless(value) for key, value in config.items() if key not in OF_THE_MOMENT}

    @property
    def precision(self) -> str:
        """What the run computed in, such as `bf16-mixed`; empty where it says nothing, or trains nothing."""
        if self._said("config").get("baseline"):
            return ""
        said = str(self.provenance.get("precision") or self._said("config", "speed").get("precision") or "auto")
        return "" if said == "auto" else said

    @property
    def feature_set(self) -> str:
        """The name of the features that the corpus was asked for; empty where it has no choice of them."""
        return str(self._said("config", "corpus", "features").get("name") or "")

    def _said(self, *keys: str) -> dict[str, Any]:
        """A part of the provenance, empty where it is not there."""
        part: dict[str, Any] = self.provenance
        for key in keys:
            inner = part.get(key)
            part = inner if isinstance(inner, dict) else {}
        return part


def read_run(folder: Path) -> RunFolder:
    """Read a run folder and check that its files belong together.

    Raises:
        RunFolderError: the folder is no run, or a file is missing, damaged or does not fit the others.
    """
    if not folder.is_dir():
        found = "not a folder" if folder.exists() else "no such folder"
        raise RunFolderError(f"{folder}: {found}; give the folder that a training run wrote")
    if not (folder / PREDICTIONS).is_file():
        raise RunFolderError(f"{folder}: not a finished run, it has no {PREDICTIONS}; train it to its end first")
    tags = _read_tags(folder / "tags.txt")
    series = read_series(folder / "metrics.csv") if (folder / "metrics.csv").exists() else {}
    earlier = sorted((int(match[1]), path) for path in folder.iterdir() if (match := EARLIER.fullmatch(path.name)))
    last = max((epochs[-1] for epochs, _ in series.values()), default=None)
    try:
        results = [_read_result(path, tags, epochs, is_final=False) for epochs, path in earlier if epochs != last]
        results.append(_read_result(folder, tags, last, is_final=True))
    except SubmissionError as error:
        raise RunFolderError(str(error)) from error
    return RunFolder(folder, tags, tuple(results), series, _read_json(folder / "provenance.json", is_needed=False))


def _read_result(folder: Path, tags: tuple[str, ...], epochs: int | None, *, is_final: bool) -> Result:
    test = _read_split(folder, tags)
    validation = _read_split(folder / "validation", tags) if (folder / "validation").is_dir() else None
    thresholds = read_thresholds(folder / "thresholds.tsv") if (folder / "thresholds.tsv").exists() else None
    if thresholds is not None and thresholds.tags != tags:
        raise RunFolderError(f"{folder / 'thresholds.tsv'}: its tags are not those of tags.txt; is it of another run?")
    evaluation = evaluate(
        test.scores, test.targets, test.decisions, tags, None if thresholds is None else thresholds.thresholds
    )
    scored = _read_json(folder / "metrics.json")
    if "validation" in scored and "test" not in scored:
        raise RunFolderError(f"{folder}: its test split was not scored; run it with score_test=true")
    metrics = scored.get("test", {})
    for name, value in evaluation.summary.items():
        written = metrics.get(name)
        if written is not None and not np.isclose(written, value, rtol=0, atol=METRICS_AGREE):
            raise RunFolderError(
                f"{folder / 'metrics.json'}: {name} is {written:.6f}, but {PREDICTIONS} gives {value:.6f}; "
                "the files are of different runs, make them again with evaluate.py"
            )
    fitted_on = metrics.get("thresholds_fitted_on") or "an unnamed set"
    return Result(epochs, is_final, test, validation, thresholds, str(fitted_on), evaluation)


def _read_split(folder: Path, tags: tuple[str, ...]) -> Split:
    scores = read_scores(folder / PREDICTIONS)
    decisions, targets = read_decisions(folder / DECISIONS), read_targets(folder / TARGETS)
    for matrix, name in ((decisions, DECISIONS), (targets, TARGETS)):
        refuse_other_shape(matrix, str(folder / name), scores, PREDICTIONS)
    if scores.shape[1] != len(tags):
        raise RunFolderError(f"{folder / PREDICTIONS}: {scores.shape[1]} columns for {len(tags)} tags in tags.txt")
    track_ids = _read_lines(folder / TRACKS) if (folder / TRACKS).exists() else ()
    if track_ids and len(track_ids) != len(scores):
        raise RunFolderError(f"{folder / TRACKS}: {len(track_ids)} tracks for {len(scores)} rows of {PREDICTIONS}")
    return Split(scores, decisions, targets, track_ids)


def _read_tags(path: Path) -> tuple[str, ...]:
    tags = _read_lines(path)
    if "" in tags or len(set(tags)) != len(tags):
        raise RunFolderError(f"{path}: {len(tags)} tags, {len(set(tags))} different; expected one line for each column")
    return tags


def _read_lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path}: cannot be read ({error}); a finished run has it") from error


def _read_json(path: Path, *, is_needed: bool = True) -> dict[str, Any]:
    if not is_needed and not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read ({error.strerror}); a finished run has it") from error
    except ValueError as error:
        raise RunFolderError(f"{path}: damaged or cut off ({error}); make it again") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{path}: holds a {type(content).__name__}, expected an object")
    return content


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _placeless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_placeless(inner) for inner in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return f"…/{PureWindowsPath(value).name}"
    return value
