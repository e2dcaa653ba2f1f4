"""From tags to the files' mood fields: what would change, then the change, checked before it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from songmood.errors import TaggingError
from songmood.tagging.fields.essence import essence
from songmood.tagging.fields.journal import Journal
from songmood.tagging.fields.moods import read_moods, write_moods
from songmood.tagging.fields.replacing import replaced


@dataclass(frozen=True)
class Planned:
    """A file whose field would change.

    Attributes:
        path: of the file itself, links followed.
        before: what the field says.
        after: what it is to say.
    """

    path: Path
    before: tuple[str, ...]
    after: tuple[str, ...]


def planned(path: Path, moods: Sequence[str]) -> Planned | None:
    """What would change in a file; None where nothing would, or there are no moods to write.

    Raises:
        TaggingError: it has no such field, or is damaged.
    """
    before = tuple(read_moods(path))
    after = tuple(moods)
    return None if not after or before == after else Planned(path.resolve(), before, after)


def write(plan: Planned, journal: Journal) -> None:
    """Change a file: in a copy, which must differ in the field alone, then in one step.

    Raises:
        TaggingError: it cannot be written, or something else would change; the file then stays as it is.
    """
    try:
        with replaced(plan.path) as partial:
            write_moods(partial, plan.after)
            if tuple(read_moods(partial)) != plan.after or essence(partial) != essence(plan.path):
                raise TaggingError(f"{plan.path} stays as it is: more than its mood field would change")
            journal.record(plan.path, plan.path, partial)
    except OSError as error:
        raise TaggingError(f"{plan.path} cannot be written: {error.strerror or error}") from error
