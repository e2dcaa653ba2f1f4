"""The task's published VGG-ish network: its weights, fetched once, and the scale that its published scores give."""

import hashlib
import os
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters
from songmood.errors import CheckpointError, DownloadError
from songmood.models.published import load_vggish_weights
from songmood.tagging.network import Network

NAME = "vggish"
WINDOW = 1366  # frames, 29.1 s
COMMIT = "1b4fa8c32e076c73b5175c1703ae805b4109309d"  # of MTG/mtg-jamendo-dataset, Apache-2.0
URL = f"https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/{COMMIT}/scripts/baseline/models/best_model.pth"
SIZE = 1_803_131
SHA256 = "c1d6bee6bc25d78b28cea52bde68a353b3e674687171a78af020fa039d3cbdbe"
STALL = 20.0  # seconds without a byte
SCALE = Path(__file__).with_name("vggish_scale.tsv")


def published_vggish(weights: Path | None = None) -> Network:
    """The network with the 56 mood and theme tags of MTG-Jamendo.

    Args:
        weights: the ``.pth`` file; None for the one below ``SONGMOOD_DATA``, which is fetched where it is missing.

    Raises:
        DownloadError: it cannot be fetched; says where to put it.
        CheckpointError: the file holds another network.
    """
    path = weights or fetch_weights(
        Path(os.environ.get("SONGMOOD_DATA", "data")) / "models" / "vggish_weights.pth", URL
    )
    tags, thresholds, quantiles = _scale()
    net = load_vggish_weights(path)
    if net.out.out_features != len(tags):
        raise CheckpointError(
            f"{path} has {net.out.out_features} outputs, expected the mood and theme weights with {len(tags)}"
        )
    about = "thresholds and percentiles: this model's published scores of the MTG-Jamendo test tracks, a window each"
    return Network(NAME, net, {}, tags, MelParameters(), WINDOW, (), thresholds, quantiles, about)


def fetch_weights(path: Path, url: str) -> Path:
    """`path`, with the published weights in it.

    Raises:
        DownloadError: they cannot be had, or what came is something else.
    """
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256:
        return path
    remedy = f"put the file at {path}, or name it: --model FILE.pth"
    try:
        content = _download(url, remedy)
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise DownloadError(f"{url} delivered another file than the published weights; {remedy}")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.part")
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise DownloadError(f"{path} cannot be written ({error.strerror}): make room, or set SONGMOOD_DATA") from error
    return path


def _download(url: str, remedy: str) -> bytes:
    """What `url` holds, a byte more than the weights at most: a wrong server does not fill the memory."""
    import httpx

    content = bytearray()
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=STALL) as response:
            response.raise_for_status()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > SIZE:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DownloadError(f"{url} cannot be fetched ({reason}); {remedy}") from None
    return bytes(content)


@cache
def _scale() -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Tags, thresholds (L,) and quantiles (L, 101)."""
    lines = [line for line in SCALE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = [line.split("\t") for line in lines[1:]]
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    return tuple(row[0] for row in rows), values[:, 0], values[:, 1:]
