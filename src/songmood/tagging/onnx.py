"""A network as ONNX, for programs without PyTorch: windows in, scores out, seen to be the same before it is kept.

The exporter is the one that traces: the newer one (``dynamo=True``) wants two packages more, takes ten times as long
and cannot leave the length of the CRNN's windows open.
"""

import io
import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import songmood
from songmood.errors import CheckpointError, TaggingError
from songmood.tagging.batch.tables import written
from songmood.tagging.network import Network

OPSET = 17  # of 2022, which every runtime in use reads
TOLERANCE = 1e-4  # of a score
SCHEMA = 1  # of the card


class Onnx(NamedTuple):
    """An exported network.

    Attributes:
        model: the file's bytes: ``mel`` (batch, 1, bands, frames) dB, for some networks ``features`` (batch, F), NaN
            where absent, to ``scores`` (batch, L).
        takes_any_length: whether it takes windows of other lengths than the network's own.
        difference: the largest that was seen between its scores and the network's.
    """

    model: bytes
    takes_any_length: bool
    difference: float


def to_onnx(network: Network) -> Onnx:
    """Export a network for any number of windows, and for windows of any length where it allows that.

    Args:
        network: on the CPU.

    Raises:
        TaggingError: a package is missing.
        CheckpointError: the network cannot be exported, or ONNX Runtime gives other scores.
    """
    require_onnx()
    for lengths in ((network.window, 2 * network.window + 1), (network.window,)):
        model = _traced(network, is_any_length=len(lengths) > 1)
        difference = max(_difference(model, network, batch, frames) for batch in (1, 3) for frames in lengths)
        if difference <= TOLERANCE:
            return Onnx(model, len(lengths) > 1, difference)
    raise CheckpointError(f"{network.name} cannot be exported: ONNX Runtime's scores differ by {difference:.1g}")


def require_onnx() -> None:
    """Say at once what an export needs.

    Raises:
        TaggingError: it is not installed.
    """
    try:
        import onnx  # noqa: F401 -- torch's exporter does
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise TaggingError(
            f"an export needs {error.name}, which is not installed: pip install 'songmood[onnx]'"
        ) from None


def card(network: Network, fingerprint: str, onnx: Onnx) -> dict[str, Any]:
    """What a program must know beside the model, as plain values; docs/tagging.md describes it.

    Args:
        network: that was exported.
        fingerprint: as `songmood tag` writes it beside this network's results.
        onnx: what it became.
    """
    thresholds = network.thresholds
    return {
        "schema": SCHEMA,
        "songmood": songmood.__version__,
        "model": network.name,
        "fingerprint": fingerprint,
        "tags": list(network.tags),
        "mel": network.mel.to_dict(),
        "window": network.window,
        "hop": network.window // 2,
        "takes_any_length": onnx.takes_any_length,
        "features": list(network.features),
        "thresholds": None if thresholds is None else [float(one) if np.isfinite(one) else None for one in thresholds],
        "quantiles": None if network.quantiles is None else network.quantiles.tolist(),
        "scale": network.scale,
    }


def write_onnx(path: Path, onnx: Onnx, about: dict[str, Any]) -> Path:
    """Write the model and, beside it, its card; both or neither.

    Returns:
        The card's path.

    Raises:
        TaggingError: the folder cannot be written, or the disk is full.
    """
    beside = path.with_suffix(".json")
    with written(path) as model, written(beside) as text:
        model.write_bytes(onnx.model)
        text.write_text(json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return beside


class _Scores(nn.Module):
    """Probabilities instead of logits."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, mel: Tensor, features: Tensor | None = None) -> Tensor:
        logits: Tensor = self.net(mel, features)
        return logits.sigmoid()


def _inputs(network: Network, batch: int, frames: int) -> dict[str, Tensor]:
    """Noise about as loud as music, and features of which one is absent."""
    random = torch.Generator().manual_seed(0)
    mel = torch.randn(batch, 1, network.mel.num_bands, frames, generator=random) * 15 - 40
    if not network.features:
        return {"mel": mel}
    features = torch.randn(batch, len(network.features), generator=random)
    features[0, 0] = torch.nan
    return {"mel": mel, "features": features}


def _traced(network: Network, *, is_any_length: bool) -> bytes:
    inputs = _inputs(network, 2, network.window)
    axes = {name: {0: "batch"} for name in (*inputs, "scores")}
    if is_any_length:
        axes["mel"][3] = "frames"
    file: Any = io.BytesIO()  # which this exporter takes, too
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a newer exporter, and of what a trace may miss, which is checked
            torch.onnx.export(
                _Scores(network.net).eval(),
                tuple(inputs.values()),
                file,
                dynamo=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=["scores"],
                dynamic_axes=axes,
            )
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{network.name} cannot be exported: {reason}") from error
    model: bytes = file.getvalue()
    return model


def _difference(model: bytes, network: Network, batch: int, frames: int) -> float:
    """The largest difference between ONNX Runtime's scores and the network's; infinite where there are none."""
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it refuses is no news
    options.intra_op_num_threads = torch.get_num_threads()
    inputs = _inputs(network, batch, frames)
    with torch.inference_mode():
        expected = _Scores(network.net).eval()(*inputs.values()).numpy()
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (scores,) = session.run(["scores"], {name: value.numpy() for name, value in inputs.items()})
    except (Fail, InvalidArgument, RuntimeException):
        return float("inf")
    return float(np.abs(scores - expected).max()) if scores.shape == expected.shape else float("inf")
