"""From what a user names to a tagger: the published network, run folders, checkpoints, or several of them."""

from collections.abc import Sequence
from pathlib import Path

from songmood.errors import CheckpointError
from songmood.tagging.music_tagger import MusicTagger
from songmood.tagging.network import Network, read_network
from songmood.tagging.vggish import NAME as VGGISH
from songmood.tagging.vggish import published_vggish

LAST, BEST = Path("checkpoints", "last.ckpt"), Path("checkpoints", "best.ckpt")  # of a run folder
RUN_FOLDERS = ("outputs", "multirun", "results")  # where runs are, below a working folder


def load_tagger(
    model: str | Path | Sequence[str | Path],
    device: str = "auto",
    trusted: Sequence[str] = (),
    *,
    hop: float | None = None,
    with_embeddings: bool = False,
) -> MusicTagger:
    """A tagger for music.

    Args:
        model: ``"vggish"``, the task's published network, which is fetched once; its weights in a ``.pth`` file; a run
            folder; a checkpoint; or several of these, whose scores are averaged.
        device: ``"auto"``, or torch's name for one, such as ``"cpu"``.
        trusted: packages beside songmood whose classes a checkpoint may name.
        hop: seconds from one window's start to the next one's; None for half a window.
        with_embeddings: whether tags carry what the output layer sees.

    Raises:
        SongmoodError: a model is missing, damaged or does not fit the others; the weights cannot be fetched.
    """
    models = [model] if isinstance(model, str | Path) else list(model)
    if not models:
        raise CheckpointError('no model is named: expected "vggish", a run folder or a checkpoint')
    networks = [_network(str(one), trusted) for one in models]
    return MusicTagger(networks, device, hop, with_embeddings=with_embeddings)


def _network(name: str, trusted: Sequence[str]) -> Network:
    if name == VGGISH:
        return published_vggish()
    path = Path(name)
    if path.suffix == ".pth":
        return published_vggish(path)
    if path.is_dir():
        if not (path / LAST).is_file():
            raise CheckpointError(f"{path} is no run folder: it has no {LAST}; name a checkpoint, or {VGGISH}")
        path = path / (BEST if (path / BEST).is_file() else LAST)  # a run that scores its best epoch keeps it
    return read_network(path, trusted)


def newest_run(folder: Path) -> Path | None:
    """The run folder below `folder` whose checkpoint was written last; None where there is none."""
    found = [path for place in RUN_FOLDERS for path in (folder / place).glob(f"**/{LAST}")]
    return max(found, key=lambda path: path.stat().st_mtime).parents[1] if found else None
