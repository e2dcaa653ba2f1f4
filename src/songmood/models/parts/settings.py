"""What a model's settings may be: each check raises one line with the value and what was expected."""

import math
from collections.abc import Collection, Sequence

from songmood.errors import ConfigError
from songmood.ranges import check_number, is_whole

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
        if not is_whole(value, 1):
            raise ConfigError(f"model.{name}={value}: expected a whole number, 1 or more")


def require_dropouts(**values: float) -> None:
    """Raise ConfigError unless every value is a probability below 1."""
    for name, value in values.items():
        check_number(f"model.{name}", value, lambda share: 0 <= share < 1, "a probability, 0 or more and below 1")


def read_pools(filters: Sequence[int], pools: Sequence[Sequence[int]], num_bands: int) -> Pools:
    """`pools` as pairs of (bands, frames), one for each of `filters`.

    Raises:
        ConfigError: there are not as many pools as filters, one is no pair of counts, or together they pool over more
            than `num_bands`.
    """
    if not filters or not all(is_whole(count, 1) for count in filters):
        raise ConfigError(f"model.filters={list(filters)}: expected the channels of each block, such as [64, 128]")
    plain = [list(pool) if isinstance(pool, Sequence) else pool for pool in pools]
    if not all(isinstance(pool, list) and len(pool) == 2 and all(is_whole(side, 1) for side in pool) for pool in plain):
        raise ConfigError(f"model.pools={plain}: expected pairs of [bands, frames], such as [[2, 2], [3, 3]]")
    if len(plain) != len(filters):
        raise ConfigError(f"model.pools={plain}: expected as many as model.filters={list(filters)}, {len(filters)}")
    pairs = tuple((bands, frames) for bands, frames in plain)
    over = math.prod(bands for bands, _ in pairs)
    if over > num_bands:
        raise ConfigError(f"model.pools={plain}: they pool over {over} bands, and a spectrogram has {num_bands}")
    return pairs
