"""What a sweep and its jobs are called: by what their command says, so that the same command finds them again."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from songmood.runs.configuration import as_written

LONGEST = 100  # letters of a folder's name; file systems take 255
MULTIRUN = "multirun.yaml"  # in the folder of each sweep, by Hydra
REPLICATES = ("seed", "corpus.split", "fold")  # what is repeated, not compared: the table takes means over them


def register_names() -> None:
    """Teach OmegaConf the two resolvers that `conf/hydra/run_folders.yaml` names folders by."""
    OmegaConf.register_new_resolver("sweep_name", sweep_name, replace=True)
    OmegaConf.register_new_resolver("job_name", folder_name, replace=True)


def sweep_name(overrides: Sequence[str]) -> str:
    """The keys that vary and the overrides that do not, whatever their order: more values of a key are the same sweep.

    Args:
        overrides: of the command line, without Hydra's own.

    Example:
        >>> sweep_name(["model=crnn,crnn_attn", "data=random"])
        'data=random,model'
    """
    varied, _ = keys_of(overrides)
    parsed = OverridesParser.create().parse_overrides(as_written(overrides))
    names = [each.get_key_element() if each.key_or_group in varied else str(each.input_line) for each in parsed]
    return folder_name(",".join(sorted(names)))


def folder_name(overrides: str) -> str:
    """As a folder can be called: what is not readable there, or too long, is replaced by a hash.

    Example:
        >>> folder_name("model=crnn,seed=0")
        'model=crnn,seed=0'
        >>> folder_name("corpus.root=my/music")
        'corpus.root=my_music-d311177f'
    """
    readable = re.sub(r"[^\w.,=@+-]+", "_", overrides)[:LONGEST].lstrip(".") or "defaults"
    return readable if readable in (overrides, "defaults") else f"{readable}-{digest(overrides)}"


def digest(text: str) -> str:
    """Eight letters that tell a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def keys_of(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The keys of which a command line gives several values, and the others."""
    parsed = OverridesParser.create().parse_overrides(as_written(overrides))
    sides: tuple[list[str], list[str]] = ([], [])
    for each in parsed:
        sides[not each.is_sweep_override()].append(each.key_or_group)
    return sides


def jobs_of(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of Hydra's own sweeper.

    Raises:
        HydraException: for an interval, which a sweeper that searches takes.
    """
    parsed = OverridesParser.create().parse_overrides(as_written(overrides))
    (jobs,) = BasicSweeper.split_arguments(parsed, None)
    return jobs


def key_of(override: str) -> str:
    """The key of one override of a job."""
    return override.partition("=")[0].lstrip("+~")


def is_sweep(folder: Path) -> bool:
    """Whether a folder is a sweep's."""
    return (folder / MULTIRUN).is_file()
