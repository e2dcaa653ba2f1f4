"""Which tags of a track are told: all, the first few, those above a percentile, or the decided ones."""

from dataclasses import dataclass
from itertools import islice

from songmood.errors import ConfigError
from songmood.tagging.tags import Tags, TagScore


@dataclass(frozen=True)
class Selection:
    """What a user asks for; conditions add up.

    Attributes:
        top: how many, the most remarkable first; None for all.
        min_percentile: leave out what scores lower, 0 to 100; None for no limit.
        decided: only the tags that the track gets.
    """

    top: int | None = None
    min_percentile: float | None = None
    decided: bool = False

    def of(self, tags: Tags) -> list[TagScore]:
        """The rows of a track, the most remarkable first.

        Raises:
            ConfigError: it asks for percentiles or decisions, and the model has none.
        """
        self.require(tags.model, has_percentiles=tags.ranks is not None, has_decisions=tags.decisions is not None)
        return list(islice(filter(self._wants, tags.ranked()), self.top))

    def require(self, model: str, *, has_percentiles: bool, has_decisions: bool) -> None:
        """Refuse what a model cannot tell.

        Raises:
            ConfigError: as in `of`.
        """
        if self.min_percentile is not None and not has_percentiles:
            raise ConfigError(f"--min-percentile: {model} has no table of quantiles, so no percentiles")
        if self.decided and not has_decisions:
            raise ConfigError(f"--decided: {model} has no fitted thresholds, so it decides nothing")

    def _wants(self, row: TagScore) -> bool:
        is_high = self.min_percentile is None or (row.percentile or 0.0) >= self.min_percentile
        return is_high and (not self.decided or bool(row.is_decided))
