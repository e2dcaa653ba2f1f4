"""Windows of many tracks through a network, in batches of one size."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from songmood.errors import ConfigError
from songmood.tagging.network import Network, output_layer

BATCH_ON = {"cpu": 4, "cuda": 64, "mps": 16}  # windows; on a CPU more of them gain nothing


class Scored(NamedTuple):
    """What a network says of one window.

    Attributes:
        scores: (L,) float32 probabilities.
        embedding: (E,) float32, or None.
    """

    scores: NDArray[np.float32]
    embedding: NDArray[np.float32] | None


class _Waiting(NamedTuple):
    window: NDArray[np.float32]  # (T, bands)
    features: NDArray[np.float32] | None
    scored: list[Scored]


class Engine:
    """Scores windows, whichever tracks they are from.

    Batches always have the same size, the last one is filled up with zeros: a window then gets the same score to the
    last bit alone and in any company. float32 throughout, TensorFloat-32 off.

    Args:
        network: in eval mode; its net moves to the device.
        device: where it computes.
        with_embeddings: whether to keep what the output layer sees.

    Attributes:
        network: as given.
    """

    def __init__(self, network: Network, device: torch.device, *, with_embeddings: bool = False) -> None:
        self.network = network
        self._device = device
        # Convolutions prefer channels last; results stay the same.
        self._net = network.net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._size = BATCH_ON.get(device.type, 16)
        self._waiting: list[_Waiting] = []
        self._seen: Tensor | None = None
        if with_embeddings:
            output_layer(network).register_forward_pre_hook(self._see)

    def add(self, window: NDArray[np.float32], features: NDArray[np.float32] | None, scored: list[Scored]) -> None:
        """Take a window; its result is appended to `scored` when its batch is full, in the order of coming.

        Args:
            window: (T, bands) dB.
            features: (F,), NaN where absent; None for a network that wants none.
            scored: of the window's track.
        """
        self._waiting.append(_Waiting(window, features, scored))
        if len(self._waiting) == self._size:
            self.flush()

    def flush(self) -> None:
        """Score what waits."""
        if not self._waiting:
            return
        scores, embeddings = self._run(self._waiting)
        for row, waiting in enumerate(self._waiting):
            waiting.scored.append(Scored(scores[row], None if embeddings is None else embeddings[row]))
        self._waiting.clear()

    def _run(self, batch: list[_Waiting]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        mel = np.zeros((self._size, 1, batch[0].window.shape[1], self.network.window), dtype=np.float32)
        for row, waiting in enumerate(batch):
            mel[row, 0] = waiting.window.T
        features = None
        if self.network.features:
            wanted = np.zeros((self._size, len(self.network.features)), dtype=np.float32)
            wanted[: len(batch)] = [waiting.features for waiting in batch]
            features = torch.from_numpy(wanted).to(self._device)
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            windows = torch.from_numpy(mel).to(self._device, memory_format=torch.channels_last)
            scores: NDArray[np.float32] = self._net(windows, features).float().sigmoid().cpu().numpy()
        return scores, None if self._seen is None else self._seen.float().cpu().numpy()

    def _see(self, layer: nn.Module, inputs: tuple[Tensor]) -> None:
        self._seen = inputs[0]


def device_named(name: str) -> torch.device:
    """The device that a user means.

    Args:
        name: ``auto`` for the best that there is, or torch's name for one, such as ``cpu`` or ``cuda:1``.

    Raises:
        ConfigError: there is no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device={name} cannot be used here ({reason}): expected auto, cpu or cuda") from None
    return device
