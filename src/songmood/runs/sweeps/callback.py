"""What Hydra calls before a sweep's first job and after its last."""

import sys
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from songmood.errors import SongmoodError
from songmood.runs.configuration import FAULTS, one_line, plain, quoted
from songmood.runs.sweeps.names import jobs_of, keys_of


class SweepCallback(Callback):
    """Names the sweep and its jobs, refuses at once what no job could do, and ends with the table.

    The table is printed and kept as `sweep.tsv`; the exit status is 1 where a job failed.
    """

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Before anything is started."""
        _settle_names(config)
        try:
            jobs = jobs_of(config.hydra.overrides.task)
        except HydraException:  # a sweeper that searches will say itself what it cannot do
            return
        if fault := _common_fault(config, jobs):
            count = f"all {len(jobs)} jobs would fail: " if len(jobs) > 1 else ""
            sys.stderr.write(f"{count}{fault}\n")
            raise SystemExit(1)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read the jobs' folders back."""
        from rich.console import Console

        from songmood.runs.sweeps.show import as_table, write_table
        from songmood.runs.sweeps.table import read_sweep
        from songmood.runs.sweeps.tracking import log_table

        sweep = read_sweep(Path(str(config.hydra.sweep.dir)))
        write_table(sweep)
        Console().print(as_table(sweep))
        log_table(config, sweep)
        if any(job.state == "failed" for job in sweep.jobs):
            raise SystemExit(1)


def _settle_names(config: DictConfig) -> None:
    """Tell each job, whose own command line has one value of each key, what this one's varies."""
    varied, shared = keys_of(config.hydra.overrides.task)
    place = str(config.hydra.sweep.dir)
    with open_dict(config):
        config.hydra.sweep.dir = place
        config.hydra.overrides.hydra += [
            f"hydra.sweep.dir={quoted(place)}",
            f"hydra.job.config.override_dirname.exclude_keys=[{','.join(map(quoted, shared if varied else ()))}]",
        ]


def _common_fault(config: DictConfig, jobs: list[list[str]]) -> str | None:
    """What all jobs would fail for, as far as that can be told here; looks at one job only where that one has none."""
    faults = set()
    for overrides in jobs:
        faults.add(_fault(config, overrides))
        if None in faults or len(faults) > 1:
            return None
    return next(iter(faults), None)


def _fault(config: DictConfig, overrides: list[str]) -> str | None:
    from songmood.runs.compose import check

    hydra, outer = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    assert hydra is not None
    try:
        job = hydra.config_loader.load_sweep_config(config, overrides)
        with open_dict(job):
            job.hydra.runtime.output_dir = str(config.hydra.sweep.dir)
            HydraConfig.instance().set_config(job)
            composed = OmegaConf.masked_copy(job, [str(key) for key in job if key != "hydra"])
        check(plain(composed))
    except SongmoodError as error:
        return f"{type(error).__name__}: {error}"
    except FAULTS as error:
        return f"ConfigError: {one_line(error)}"
    finally:
        HydraConfig.instance().cfg = outer
    return None
