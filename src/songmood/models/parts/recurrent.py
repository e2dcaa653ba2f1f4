"""The recurrent part: from a feature map to one state per time step, by either of two GRUs.

The paper says "two GRU layers (tanh)" and names no gate function. The default is PyTorch's GRU, which is what "GRU"
means in any library of today: gates are sigmoids, and the reset gate acts on the recurrent product. The authors' code
ran on TensorFlow 1.14, whose GRU is another function; ``head=published``, which does what that code does, takes it.
On a GPU PyTorch's is one kernel for all steps, where the other is a handful for each.
"""

import torch
from torch import Tensor, nn

from songmood.errors import CheckpointError


class Recurrent(nn.Module):
    """Two layers of PyTorch's GRU over time; (B, C, bands, T) to (B, T, width).

    Args:
        in_width: channels times bands of the map.
        width: units per layer.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(in_width, width, num_layers=2, batch_first=True)

    @property
    def dtype(self) -> torch.dtype:
        """Of its weights; a property, since `torch.compile` gives a whole forward pass up at a `next` in it."""
        return next(self.parameters()).dtype

    def forward(self, maps: Tensor) -> Tensor:
        """States of the last layer, one per step of `maps`."""
        states: Tensor = self.gru(as_steps(maps))[0]
        return states


class PublishedRecurrent(nn.Module):
    """Two layers of TensorFlow 1.14's GRU over time; (B, C, bands, T) to (B, T, width).

    Its checkpoints are not those of `Recurrent`, whose arguments it takes: it has one bias per gate.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(PublishedGRU(before, width) for before in (in_width, width))
        self.register_load_state_dict_pre_hook(_refuse_other_gru)  # type: ignore[no-untyped-call]

    @property
    def dtype(self) -> torch.dtype:
        """Of its weights."""
        return next(self.parameters()).dtype

    def forward(self, maps: Tensor) -> Tensor:
        """States of the last layer, one per step of `maps`."""
        states = as_steps(maps)
        for layer in self.layers:
            states = layer(states)
        return states


class PublishedGRU(nn.Module):
    """One GRU layer as `tensorflow.keras.layers.GRU` computed it in 1.14; (B, T, in) to (B, T, width).

    With s(x) = clip(0.2 x + 0.5, 0, 1), for each step:

        z = s(W_z x + U_z h + b_z)
        r = s(W_r x + U_r h + b_r)
        c = tanh(W_c x + U_c (r * h) + b_c)
        h = z * h + (1 - z) * c

    Attributes:
        weight_ih: (3 width, in) the W of z, r and c.
        weight_hh: (3 width, width) the U of z, r and c.
        bias: (3 width,) likewise.

    Args:
        in_width: size of a step.
        width: units.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.weight_ih = nn.Parameter(torch.zeros(3 * width, in_width))
        self.weight_hh = nn.Parameter(torch.zeros(3 * width, width))
        self.bias = nn.Parameter(torch.zeros(3 * width))

    def forward(self, steps: Tensor) -> Tensor:
        """The state after each of `steps`."""
        inputs = nn.functional.linear(steps, self.weight_ih, self.bias).unbind(dim=1)
        width = self.weight_hh.shape[1]
        on_gates, on_candidate = torch.split(self.weight_hh.T, [2 * width, width], dim=1)
        state, states = steps.new_zeros(steps.shape[0], width), []
        for gates_in, candidate_in in (torch.split(each, [2 * width, width], dim=1) for each in inputs):
            gates = torch.addmm(gates_in, state, on_gates).mul(0.2).add(0.5).clamp(0, 1)
            update, reset = gates.chunk(2, dim=1)
            candidate = torch.addmm(candidate_in, reset * state, on_candidate).tanh()
            state = torch.lerp(candidate, state, update)
            states.append(state)
        return torch.stack(states, dim=1)


def as_steps(maps: Tensor) -> Tensor:
    """(B, C, bands, T) as (B, T, C * bands)."""
    return maps.flatten(1, 2).transpose(1, 2).contiguous()


def _refuse_other_gru(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    if any(key.startswith(f"{prefix}gru.") for key in state):
        raise CheckpointError(
            "these weights are of PyTorch's GRU, which model.head=published had before it took that of the authors' "
            "TensorFlow 1.14; train again"
        )
