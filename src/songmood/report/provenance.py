"""What a report says of a run's origin: all that tells runs apart, nothing that differs between two identical runs."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from songmood.report.runfolder import RunFolder

OF_THE_MOMENT = ("seed", "ckpt_path")  # what seeds of one row differ in; and resuming changes no result
NUM_DIGITS = 12  # of a fingerprint: enough to tell two apart
FACT_NAMES = ("Commit", "Cache", "Python", "Versions", "Hardware")


def facts(run: RunFolder) -> tuple[str, ...]:
    """One text for each of `FACT_NAMES`; "–" for what the run does not say."""
    said = run.provenance
    texts = (
        short_commit(str(said.get("commit") or "")),
        str(said.get("cache_fingerprint") or "")[:NUM_DIGITS],
        str(said.get("python") or ""),
        _listed(said.get("versions")),
        _listed(said.get("hardware")),
    )
    return tuple(text or "–" for text in texts)


def short_commit(commit: str) -> str:
    """The first digits, and the mark of files that differ from it."""
    digits, mark, _ = commit.partition("+")
    return digits[:NUM_DIGITS] + mark + commit[len(digits) + 1 :]


def shared_config(run: RunFolder) -> dict[str, Any]:
    """The configuration as far as seeds of one row share it; empty where the run does not say.

    Absolute paths lose their folders, so that the same run elsewhere reads the same.
    """
    config = run.provenance.get("config")
    if not isinstance(config, dict):
        return {}
    return {key: _placeless(value) for key, value in config.items() if key not in OF_THE_MOMENT}


def _listed(values: Any) -> str:
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items()))


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _placeless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_placeless(inner) for inner in value]
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()):
        return f"…/{PureWindowsPath(value).name}"
    return value
