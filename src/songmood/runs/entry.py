"""The Hydra entry points: compose, call the run, and turn what the user can mend into one line.

Only Hydra is imported here: `--help`, `--cfg job` and every composition error answer before torch is loaded.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from songmood.config import closest, config_dir
from songmood.errors import SongmoodError
from songmood.runs.hydra_parser import mend_hydra

log = logging.getLogger(__name__)

FAILED, TRACEBACK = "failed.txt", "traceback.txt"  # what a sweep's job leaves that failed
INTERRUPTED = 130  # the shell's status for a command that Ctrl-C ended


def run(config_name: str) -> None:
    """Compose `conf/<config_name>.yaml` with the command line's overrides and run it."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing, and one line is printed here
    mend_hydra()
    main = hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=config_name)(_job)
    try:
        main()
    except SongmoodError as error:
        _stop(f"{type(error).__name__}: {error}")
    except (HydraException, OmegaConfBaseException) as error:
        _stop(f"ConfigError: {one_line(error)}")


def one_line(error: Exception) -> str:
    """What Hydra said in several lines, in one, with the nearest known key or option where there is one."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    override = re.search(r"Could not override '([^']+)'", text)
    if override:
        return f"no key '{override[1]}' in the configuration{_nearest_key(override[1])} (`--cfg job` lists all keys)"
    option = re.search(
        r"Could not find '([^']+)/([^/']+)'.*Available options in '[^']+': (.*?)(?: Config search|$)", text
    )
    if option:
        choices = option[3].split()
        return f"no {option[1]} '{option[2]}'{closest(option[2], choices)} (there are: {', '.join(choices)})"
    return text.removesuffix("full_key:").strip()


def _nearest_key(key: str) -> str:
    """A hint at the key that was meant, searched in the composed default configuration."""
    try:
        with hydra.initialize_config_dir(str(config_dir()), version_base="1.3"):
            known = _keys(OmegaConf.to_container(hydra.compose("train"), resolve=False), "")
    except (HydraException, OmegaConfBaseException):
        return ""
    return closest(key, known)


def _keys(node: Any, prefix: str) -> list[str]:
    if not isinstance(node, dict):
        return [prefix]
    nested = [key for name, child in node.items() for key in _keys(child, f"{prefix}.{name}" if prefix else str(name))]
    return [prefix, *nested] if prefix else nested


def _job(config: DictConfig) -> float:
    """One job; in a sweep a failing one is recorded and the others go on."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    is_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
    if is_sweep:  # where the sweep is repeated in the same folder, its failures are of the past
        for name in (FAILED, TRACEBACK):
            (folder / name).unlink(missing_ok=True)
    try:
        return _task(config)(config, folder)
    except SongmoodError as error:
        message = f"{type(error).__name__}: {error}"
        if not is_sweep:
            log.error(message)
            raise SystemExit(1) from None
    except KeyboardInterrupt:
        _stop(f"interrupted; go on with ckpt_path={folder}/checkpoints/last.ckpt", INTERRUPTED)
    except Exception as error:
        if not is_sweep:
            raise
        log.debug(traceback.format_exc())
        (folder / TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
        message = f"{type(error).__name__}: {error} (see {folder}/{TRACEBACK})"
    log.error(message)
    (folder / FAILED).write_text(message + "\n", encoding="utf-8")
    return float("nan")


def _task(config: DictConfig) -> Callable[[DictConfig, Path], float]:
    """What to do with the configuration; torch is imported here, and no earlier."""
    if HydraConfig.get().job.config_name == "evaluate":
        from songmood.runs.evaluate import rescore

        return rescore
    if config.baseline is not None:
        from songmood.runs.baseline import popularity

        return popularity
    from songmood.runs.train import train

    return train


def _stop(message: str, status: int = 1) -> None:
    sys.stderr.write(message + "\n")
    raise SystemExit(status)


if __name__ == "__main__":  # for `make reproduce`, which also works where there is no clone
    run("train")
