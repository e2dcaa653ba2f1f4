"""Hydra's argument parser on Python 3.14; to be removed with Hydra 1.4.

Hydra 1.3 gives argparse an object as the help of `--shell-completion`, to make the text only when it is asked for. From
Python 3.14 on argparse reads each help text when an argument is added, and refuses what is no string
(facebookresearch/hydra #3121).
"""

import argparse
import importlib

from hydra._internal.utils import get_args_parser

CHECK = "_check_help"  # argparse's method; before Python 3.14 there is none


def build_parser() -> argparse.ArgumentParser:
    """Hydra's parser, built while argparse looks at no help text."""
    check = getattr(argparse._ActionsContainer, CHECK, None)
    if check is None:
        return get_args_parser()
    setattr(argparse._ActionsContainer, CHECK, lambda _container, _action: None)
    try:
        return get_args_parser()
    finally:
        setattr(argparse._ActionsContainer, CHECK, check)


def mend_hydra() -> None:
    """Let `hydra.main` take `build_parser` in place of its own."""
    module = importlib.import_module("hydra.main")  # `hydra.main` itself is the decorator
    module.get_args_parser = build_parser  # type: ignore[attr-defined]
