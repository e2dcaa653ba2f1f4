"""`import songmood` is light, and offers what `__all__` says: each name when it is asked for, with a docstring."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import songmood

HEAVY = ("torch", "numpy", "hydra", "pytorch_lightning", "h5py", "typer")
TIMED = """
import sys, time
started = time.process_time()
import songmood
print(time.process_time() - started, *(name for name in sys.argv[1:] if name in sys.modules))
"""


def test_importing_it_takes_less_than_a_tenth_of_a_second_and_nothing_heavy() -> None:
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", TIMED, *HEAVY], capture_output=True, text=True, check=True)
        taken, *imported = done.stdout.split()
        assert not imported
        seconds.append(float(taken))
    assert min(seconds) < 0.1


def test_the_names_are_those_that_type_checkers_see() -> None:
    tree = ast.parse(Path(songmood.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    homes = {alias.name: node.module for node in block.body for alias in node.names}  # type: ignore[attr-defined]
    assert homes == songmood._HOME_OF
    assert sorted(homes) == sorted(songmood.__all__)
    assert set(songmood.__all__) <= set(dir(songmood))


@pytest.mark.parametrize("name", songmood.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(songmood, name)
    assert (inspect.getdoc(value) or "").strip()
    assert value.__name__ == name


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = songmood.tarin  # type: ignore[attr-defined]
