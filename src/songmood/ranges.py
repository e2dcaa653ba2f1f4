"""Ranges of the numbers in a configuration: each check raises one line with the value and what was expected."""

import math
from collections.abc import Callable
from typing import TypeGuard

from songmood.errors import ConfigError


def is_whole(value: object, minimum: int) -> TypeGuard[int]:
    """Whether a value is a whole number, true and false being none, and not below the minimum."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number, true and false being none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_whole(name: str, value: object, minimum: int, remedy: str) -> None:
    """ConfigError where a value is no whole number, or below the minimum."""
    if not is_whole(value, minimum):
        raise ConfigError(f"{name}={value!r}: expected a whole number, at least {minimum} {remedy}")


def check_number(name: str, value: object, is_valid: Callable[[float], bool], expected: str) -> None:
    """ConfigError where a value is no finite number, or not a valid one."""
    if not is_number(value) or not is_valid(value):
        raise ConfigError(f"{name}={value!r}: expected {expected}")


def check_share(name: str, value: object, of_what: str) -> None:
    """ConfigError where a value is no number from 0 to 1."""
    check_number(name, value, lambda share: 0 <= share <= 1, f"{of_what}, 0 to 1")
