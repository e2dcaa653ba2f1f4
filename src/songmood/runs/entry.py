"""The Hydra entry: one job of a run or a sweep, and what the user can mend in one line.

Torch is imported where a job starts, and no earlier: `--help`, `--cfg job` and a fault in an override answer at once.
"""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from songmood.config import config_dir
from songmood.errors import SongmoodError
from songmood.runs.configuration import FAULTS, INTERRUPTED, as_typed, one_line, plain
from songmood.runs.sweeps.names import register_names

log = logging.getLogger(__name__)

CHECK = "_check_help"  # argparse's method; before Python 3.14 there is none


def run(config_name: str, arguments: Sequence[str] | None = None) -> None:
    """Compose `conf/<config_name>.yaml` and run it, or with -m sweep.

    Args:
        config_name: ``train`` or ``evaluate``.
        arguments: overrides and Hydra's own; None for the command line's.
    """
    if arguments is not None:
        sys.argv[1:] = arguments  # which is where Hydra looks
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing, and one line is printed here
    sys.path.append(str(Path.cwd()))  # a user's own package lies where they start
    logging.raiseExceptions = False  # a full disk stops the log file too: one line on the terminal says it all
    register_names()
    module = importlib.import_module("hydra.main")  # `hydra.main` itself is the decorator
    module.get_args_parser = build_parser  # type: ignore[attr-defined]
    main = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=config_name)(_job)
    try:
        main()
    except SongmoodError as error:
        _stop(f"{type(error).__name__}: {error}")
    except FAULTS as error:
        _stop(f"ConfigError: {one_line(error)}")
    except KeyboardInterrupt:  # between the jobs of a sweep
        _stop("interrupted", INTERRUPTED)


def build_parser() -> argparse.ArgumentParser:
    """Hydra's argument parser, built while argparse looks at no help text; to be removed with Hydra 1.4.

    Hydra 1.3 gives argparse an object as the help of `--shell-completion`, to make the text only when it is asked for.
    From Python 3.14 on argparse reads each help text when an argument is added, and refuses what is no string
    (facebookresearch/hydra #3121).
    """
    check = getattr(argparse._ActionsContainer, CHECK, None)
    if check is None:
        return get_args_parser()
    setattr(argparse._ActionsContainer, CHECK, lambda _container, _action: None)
    try:
        return get_args_parser()
    finally:
        setattr(argparse._ActionsContainer, CHECK, check)


def _job(composed: DictConfig) -> float:
    """One job, of a sweep or alone."""
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    is_of_a_sweep = not OmegaConf.is_missing(hydra_config.job, "num")
    try:
        if is_of_a_sweep:
            from songmood.runs.sweeps.job import carry_out

            return carry_out(composed, folder, run_job)
        return run_job(composed)
    except SongmoodError as error:
        log.error(f"{type(error).__name__}: {error}")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        going_on = f"go on with {as_typed('ckpt_path', folder / 'checkpoints' / 'last.ckpt')}"
        way_on = "start the sweep again" if is_of_a_sweep else going_on
        _stop(f"interrupted; {way_on}", INTERRUPTED)


def run_job(composed: DictConfig) -> float:
    """Train or score as a composed configuration says, into the folder that Hydra made for it.

    Returns:
        Macro PR-AUC on validation, or of the split that is scored: what a sweep that searches is to maximise.
    """
    hydra_config = HydraConfig.get()
    task = _task(str(hydra_config.job.config_name), composed.get("baseline"))
    return task(plain(composed), plain(composed, resolve=False), Path(hydra_config.runtime.output_dir))


def _task(config_name: str, baseline: str | None) -> Callable[..., float]:
    if config_name == "evaluate":
        from songmood.runs.evaluate import rescore

        return rescore
    if baseline is not None:
        from songmood.runs.baseline import popularity

        return popularity
    from songmood.runs.train import train

    return train


def _stop(message: str, status: int = 1) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise SystemExit(status)
