"""What a model's settings may be: each check raises one line with the value and what was expected."""

import math
from collections.abc import Collection, Sequence

from songmood.errors import ConfigError

Pools = tuple[tuple[int, int], ...]


def require_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Raise ConfigError unless `value` is one of `choices`."""
    if value not in choices:
        raise ConfigError(f"model.{name}={value}: expected one of {', '.join(choices)}")


def require_flags(**values: bool) -> None:
    """Raise ConfigError unless every value is true or false."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ConfigError(f"model.{name}={value}: expected true or false")


def require_counts(**values: int) -> None:
    """Raise ConfigError unless every value is a whole number above zero."""
    for name, value in values.items():
        if not _is_count(value):
            raise ConfigError(f"model.{name}={value}: expected a whole number, 1 or more")


def require_dropouts(**values: float) -> None:
    """Raise ConfigError unless every value is a probability below 1."""
    for name, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value < 1:
            raise ConfigError(f"model.{name}={value}: expected a probability, 0 or more and below 1")


def read_pools(filters: Sequence[int], pools: Sequence[Sequence[int]], num_bands: int) -> Pools:
    """`pools` as pairs of (bands, frames), one for each of `filters`.

    Raises:
        ConfigError: there are not as many pools as filters, one is no pair of counts, or together they pool over more
            than `num_bands`.
    """
    if not filters or not all(_is_count(count) for count in filters):
        raise ConfigError(f"model.filters={list(filters)}: expected the channels of each block, such as [64, 128]")
    plain = [list(pool) if isinstance(pool, Sequence) else pool for pool in pools]
    if not all(isinstance(pool, list) and len(pool) == 2 and all(map(_is_count, pool)) for pool in plain):
        raise ConfigError(f"model.pools={plain}: expected pairs of [bands, frames], such as [[2, 2], [3, 3]]")
    if len(plain) != len(filters):
        raise ConfigError(f"model.pools={plain}: expected as many as model.filters={list(filters)}, {len(filters)}")
    pairs = tuple((bands, frames) for bands, frames in plain)
    over = math.prod(bands for bands, _ in pairs)
    if over > num_bands:
        raise ConfigError(f"model.pools={plain}: they pool over {over} bands, and a spectrogram has {num_bands}")
    return pairs


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
