"""A worker's side of a build: what a job delivers becomes rows, features and notes in the unfinished cache."""

from songmood.cache.crew import Ask
from songmood.cache.disk import FULL
from songmood.cache.half import to_half
from songmood.cache.partial import Partial
from songmood.cache.plan import PARTS, Delivery, Job
from songmood.errors import CacheError

SILENT = "silent throughout"


def store(partial: Partial, floor_db: float, strict: bool, job: Job, ask: Ask) -> None:
    """A worker's side: writes what a job delivers; in a strict build, up to the first refusal."""
    brings_mel = "mel" in getattr(job, "delivers", PARTS)  # then notes are about it, whichever part is still to come
    try:
        for delivery in job.run():
            index, parts = ask(("claim", delivery.stem))
            if not parts:
                continue
            refusal = _write_mel(partial, floor_db, index, delivery) if "mel" in parts else None
            if "features" in parts:
                note = "" if brings_mel else "; ".join(filter(None, (delivery.refusal, delivery.note)))
                partial.write_features(index, delivery.features, note)
            ask(("stored", index, parts, delivery.stem, refusal))
            if refusal and strict:
                return
    except OSError as error:
        if error.errno in FULL or isinstance(error, ConnectionError):
            raise
        raise CacheError(f"{job.name}: {error}") from error


def _write_mel(partial: Partial, floor_db: float, index: int, delivery: Delivery) -> str | None:
    """Writes a spectrogram or why there is none; returns the reason."""
    refusal = delivery.refusal
    if refusal is None and delivery.mel is None:
        refusal = "no spectrogram"
    if refusal is None and delivery.mel is not None:
        try:
            rows = to_half(delivery.mel, partial.preamble.bands)
        except ValueError as error:
            refusal = str(error)
        else:
            silent = SILENT if float(delivery.mel.max()) <= floor_db else None
            partial.write_mel(index, rows, "; ".join(filter(None, (delivery.note, silent))))
            return None
    assert refusal is not None
    partial.refuse_mel(index, refusal)
    return refusal
