"""`songmood export`: a network for programs without PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

from songmood.errors import TaggingError


def export(
    checkpoint: Annotated[str, typer.Argument(help="A run folder, a checkpoint, weights or vggish.")],
    out: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The model; its card goes beside it, as .json.")],
    trust: Annotated[list[str] | None, typer.Option(help="A package whose classes the checkpoint may name.")] = None,
) -> None:
    """Export a network as ONNX, with a card of its tags, thresholds and mel parameters beside it."""
    if out.suffix != ".onnx":
        raise TaggingError(f"{out}: expected a name that ends in .onnx, such as model.onnx")
    from songmood.tagging.load import load_tagger
    from songmood.tagging.onnx import card, require_onnx, to_onnx, write_onnx

    require_onnx()
    tagger = load_tagger(checkpoint, "cpu", trust or ())
    (network,) = tagger.networks
    onnx = to_onnx(network)
    beside = write_onnx(out, onnx, card(network, tagger.fingerprint, onnx))
    length = f"{network.window:,} frames or others" if onnx.takes_any_length else f"exactly {network.window:,} frames"
    typer.echo(f"wrote {out}: {len(network.tags)} scores of windows of {length}, as here to {onnx.difference:.0e}")
    typer.echo(f"wrote {beside}")
