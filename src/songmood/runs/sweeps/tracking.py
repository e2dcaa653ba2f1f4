"""A sweep on Weights & Biases: one group, a run for each job that says its row, a summary run with the table."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from songmood.config import build
from songmood.runs.configuration import as_written, plain
from songmood.runs.sweeps.names import REPLICATES, digest, key_of
from songmood.runs.sweeps.show import cells
from songmood.runs.sweeps.standing import STARTED
from songmood.runs.sweeps.table import Sweep

TARGET = "songmood.training.tracking.wandb_logger"
LONGEST_TAG, LONGEST_NAME = 64, 128  # by W&B


def label(composed: DictConfig, folder: Path) -> None:
    """Say of a job what its sweep and its row are, where the configuration does not; resumed, it is the same run.

    Args:
        composed: the job's configuration.
        folder: its run folder.
    """
    shared = HydraConfig.get().job.config.override_dirname.exclude_keys
    own = [each for each in as_written(HydraConfig.get().overrides.task) if key_of(each) not in shared]
    row = [each for each in own if key_of(each) not in REPLICATES]
    started = (folder / STARTED).stat().st_mtime_ns if (folder / STARTED).exists() else ""
    for node in _nodes(composed):
        said = {
            "group": os.environ.get("WANDB_RUN_GROUP", folder.parent.name[:LONGEST_NAME]),
            "job_type": "train",
            "tags": [each[:LONGEST_TAG] for each in row],
            "name": folder.name[:LONGEST_NAME],
            "id": digest(f"{folder} {started}"),
        }
        with open_dict(node):
            node.update({key: value for key, value in said.items() if node.get(key) is None})


def log_table(config: DictConfig, sweep: Sweep) -> None:
    """A run of the sweep itself, with the aggregated table; started again, the sweep goes on with it.

    Args:
        config: the sweep's.
        sweep: as it ended.
    """
    for node in _nodes(config):
        import wandb

        node.save_dir = str(sweep.folder)
        group = sweep.folder.name[:LONGEST_NAME]
        place = {"group": group, "job_type": "summary", "name": group, "id": digest(str(sweep.folder.absolute()))}
        heads, *lines = ([cell.replace("\n", " ") for cell in line] for line in cells(sweep))
        named: list[str | int] = [head or "row" for head in heads]
        run: Any = build(plain(node) | place).experiment
        run.log({"sweep": wandb.Table(columns=named, data=lines)})
        wandb.finish()


def _nodes(config: DictConfig) -> Iterator[DictConfig]:
    """The loggers that are W&B's."""
    for node in (config.get("logger") or {}).values():
        if node is not None and node.get("_target_") == TARGET:
            yield node
