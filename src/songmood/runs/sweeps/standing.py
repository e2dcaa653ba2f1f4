"""What a run folder holds of the run that is asked for: all of its results, a part of them, or another run's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songmood.runs.provenance import code_fingerprint, comparable
from songmood.training.checkpoints import LAST
from songmood.training.trust import targets_of

STARTED = "started.json"  # the configuration and code that a run was started with


@dataclass(frozen=True)
class Asked:
    """A run as it would be today.

    Attributes:
        config: what of its configuration touches the result, before interpolation.
        code: fingerprint of the sources that decide it.
    """

    config: dict[str, Any]
    code: str

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Asked":
        """By its configuration before interpolation."""
        return cls(comparable(written), code_fingerprint(targets_of(dict(written))))

    def what_changed(self, folder: Path, cache_fingerprint: str) -> list[str]:
        """How a finished run differs from this one; empty where it is this one.

        Args:
            folder: a run folder with a `provenance.json`.
            cache_fingerprint: of the corpus as it is now.
        """
        provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        now = {"configuration": self.config, "code": self.code, "cache": cache_fingerprint}
        kept = (provenance["config"], provenance["code"], provenance["cache_fingerprint"])
        return [name for (name, value), before in zip(now.items(), kept, strict=True) if value != before]

    def checkpoint(self, folder: Path) -> Path | None:
        """The last checkpoint of a killed run of the same configuration and code; None where there is none."""
        started, last = folder / STARTED, folder / "checkpoints" / LAST
        is_mine = started.is_file() and started.read_text(encoding="utf-8") == self._mark()
        return last if is_mine and last.is_file() else None

    def begin(self, folder: Path) -> None:
        """Say in the folder what is started there."""
        (folder / STARTED).write_text(self._mark(), encoding="utf-8")

    def _mark(self) -> str:
        return json.dumps({"config": self.config, "code": self.code}, indent=1, sort_keys=True)


def is_complete(folder: Path) -> bool:
    """Whether a training run's results are all there, of whatever version."""
    return (folder / "provenance.json").is_file() and (folder / "metrics.json").is_file()
