"""Ranges of the numbers in a configuration: each check raises one line with the value and what was expected."""

import math
from collections.abc import Callable

from songmood.errors import ConfigError


def check_whole(name: str, value: object, minimum: int, remedy: str) -> None:
    """ConfigError where a value is no whole number, or below the minimum."""
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ConfigError(f"{name}={value!r}: expected a whole number, at least {minimum} {remedy}")


def check_number(name: str, value: object, is_valid: Callable[[float], bool], expected: str) -> None:
    """ConfigError where a value is no finite number, or not a valid one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not is_valid(value):  # type: ignore[arg-type]
        raise ConfigError(f"{name}={value!r}: expected {expected}")


def check_share(name: str, value: object, of_what: str) -> None:
    """ConfigError where a value is no number from 0 to 1."""
    check_number(name, value, lambda share: 0 <= share <= 1, f"{of_what}, 0 to 1")
