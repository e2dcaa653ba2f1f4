"""How tags are written where people read them."""

from collections import Counter
from collections.abc import Sequence


def short_names(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags without their category, ``mood/theme---happy`` as ``happy``; in full where two would read the same."""
    short = [tag.rsplit("---", 1)[-1] or tag for tag in tags]
    uses = Counter(short)
    return tuple(name if uses[name] == 1 else tag for tag, name in zip(tags, short, strict=True))
