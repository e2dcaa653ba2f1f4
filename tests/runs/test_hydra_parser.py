"""Hydra's parser is built where argparse checks help texts, as from Python 3.14 on, and the check comes back."""

import argparse
import importlib
import sys
from typing import Any

import pytest
from hydra._internal.utils import get_args_parser

from songmood.runs.entry import build_parser, run


@pytest.fixture(autouse=True)
def checked_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """argparse as Python 3.14 has it; there, the thing itself."""
    if hasattr(argparse._ActionsContainer, "_check_help"):
        return
    add_argument = argparse._ActionsContainer.add_argument

    def check_help(container: Any, action: argparse.Action) -> None:
        if not action.help or not hasattr(container, "_get_formatter"):
            return
        try:
            container._get_formatter()._expand_help(action)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError("badly formed help string") from error

    def add_checked(container: Any, *names: str, **options: Any) -> argparse.Action:
        action = add_argument(container, *names, **options)
        container._check_help(action)
        return action

    monkeypatch.setattr(argparse._ActionsContainer, "_check_help", check_help, raising=False)
    monkeypatch.setattr(argparse._ActionsContainer, "add_argument", add_checked)


def test_hydra_alone_cannot_build_its_parser() -> None:
    """When this fails, Hydra has mended it: `build_parser` can go."""
    with pytest.raises(ValueError, match="badly formed help string"):
        get_args_parser()


def test_the_parser_is_hydras_own() -> None:
    arguments = build_parser().parse_args(["-m", "model=crnn", "--shell-completion"])
    assert arguments.multirun
    assert arguments.shell_completion
    assert arguments.overrides == ["model=crnn"]


def test_the_check_is_in_force_again_afterwards() -> None:
    build_parser()
    with pytest.raises(ValueError, match="badly formed help string"):
        argparse.ArgumentParser().add_argument("--other", help=object())  # type: ignore[arg-type]


def test_a_run_is_started_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.import_module("hydra.main"), "get_args_parser", get_args_parser)  # as Hydra has it
    monkeypatch.setattr(sys, "argv", ["train.py", "model=vggish", "--cfg", "job", "--package", "model"])
    run("train")
    assert "vggish.VGGish" in capsys.readouterr().out
