"""The recurrent part: from a feature map to one state per time step."""

from torch import Tensor, nn


class Recurrent(nn.Module):
    """Two GRU layers over time; (B, C, bands, T) to (B, T, width).

    PyTorch's equations are those of Keras' GRU with ``reset_after``, which the paper's authors used.
    """

    def __init__(self, in_width: int, width: int, num_layers: int = 2) -> None:
        """Make the layers.

        Args:
            in_width: channels times bands of the map.
            width: units per layer.
            num_layers: GRU layers on top of each other.
        """
        super().__init__()
        self.gru = nn.GRU(in_width, width, num_layers, batch_first=True)

    def forward(self, maps: Tensor) -> Tensor:
        """States of the last layer, one per step of `maps`."""
        steps = maps.flatten(1, 2).transpose(1, 2)  # (B, T, C * bands)
        states: Tensor = self.gru(steps.contiguous())[0]
        return states
