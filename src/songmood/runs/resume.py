"""Whether a run can go on from a checkpoint, said before anything long starts."""

from pathlib import Path

from songmood.errors import CheckpointError
from songmood.training.card import ModelCard, read_checkpoint


def check_resumable(path: Path, card: ModelCard) -> None:
    """Compare the checkpoint with the run that wants to go on from it.

    Raises:
        CheckpointError: naming what differs: the tag set, the features, the spectrograms, the model or the windows.
    """
    saved = ModelCard.from_plain(read_checkpoint(path)[ModelCard.KEY], path)
    require_same_tags(path, saved.tags, card.tags)
    for name in ("features", "mel", "model", "windows", "seed"):
        then, now = getattr(saved, name), getattr(card, name)
        if then != now:
            raise CheckpointError(
                f"{path}: its {name} is {_difference(then, now)}; resume with the run's own configuration"
            )


def require_same_tags(path: Path, saved: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """A score's column must mean the same tag on both sides.

    Raises:
        CheckpointError: counting the tags and naming the first that differ.
    """
    if saved == wanted:
        return
    only = sorted(set(saved) ^ set(wanted))
    example = f" ({', '.join(only[:3])}{', ...' if len(only) > 3 else ''})" if only else " (another order)"
    raise CheckpointError(
        f"{path} was trained on another tag set: {len(saved)} tags there, {len(wanted)} in this corpus{example}; "
        "use the corpus or the tag list that it was trained on"
    )


def _difference(then: object, now: object) -> str:
    if isinstance(then, dict) and isinstance(now, dict):
        keys = [key for key in sorted({*then, *now}, key=str) if then.get(key) != now.get(key)]
        return ", ".join(f"{key}={then.get(key)} (here {now.get(key)})" for key in keys[:3])
    return f"{then} (here {now})"
