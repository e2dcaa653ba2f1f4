"""Several augmentations, one after the other."""

from torch import Tensor, nn

from songmood.errors import ConfigError


class Chain(nn.Module):
    """Its parts in the order of their names in the configuration.

    Args:
        **parts: each from windows and targets to windows and targets; None for one that was taken away.
    """

    def __init__(self, **parts: nn.Module | None) -> None:
        super().__init__()
        for name, part in parts.items():
            if part is not None and not isinstance(part, nn.Module):
                raise ConfigError(
                    f"augment.{name}={part}: expected an augmentation; choose it too, as augment=[{name},...]"
                )
        self.parts = nn.ModuleList(part for part in parts.values() if part is not None)  # torch forbids some names

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, 1, 96, T) and targets (B, L), augmented."""
        for part in self.parts:
            mel, target = part(mel, target)
        return mel, target
