"""Results as tables: CSV, JSON lines and Parquet, one schema for all, whole or not there.

A row is a tag of a file: ``path``, ``duration`` (seconds), ``tag``, ``score`` (probability), ``percentile`` (0 to 100),
``decided``, ``model``, ``fingerprint`` (of whatever changes results) and ``note``. What a model cannot tell is empty.
In JSON lines a line is a file and holds its tags in a list. Bytes of a path that are no UTF-8 are spelt out.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from songmood.errors import TaggingError
from songmood.tagging.batch.file_names import in_utf8
from songmood.tagging.batch.selection import Selection
from songmood.tagging.tags import DIGITS, Tags

COLUMNS = ("path", "duration", "tag", "score", "percentile", "decided", "model", "fingerprint", "note")
TIMELINE_COLUMNS = ("path", "start", "end", "tag", "score", "fingerprint")
ROWS_AT_ONCE = 65_536

Row = tuple[Any, ...]


def rows_of(tags: Tags, selection: Selection) -> Iterator[Row]:
    """The rows of a file, in the order of `COLUMNS`."""
    path, note = in_utf8(tags.source or ""), "; ".join(tags.notes)
    for row in selection.of(tags):
        percentile = None if row.percentile is None else round(row.percentile, 2)
        score = round(row.score, DIGITS)
        yield path, tags.duration, row.tag, score, percentile, row.is_decided, tags.model, tags.fingerprint, note


def timeline_rows_of(tags: Tags, selection: Selection) -> Iterator[Row]:
    """The rows of a file's windows, in the order of `TIMELINE_COLUMNS`."""
    if tags.timeline is None:
        return
    path, column = in_utf8(tags.source or ""), {name: at for at, name in enumerate(tags.names)}
    wanted = [(row.tag, column[row.tag]) for row in selection.of(tags)]
    for start, end, scores in zip(tags.timeline.start, tags.timeline.end, tags.timeline.scores, strict=True):
        for tag, at in wanted:
            yield (
                path,
                round(float(start), 3),
                round(float(end), 3),
                tag,
                round(float(scores[at]), DIGITS),
                tags.fingerprint,
            )


def csv_line(row: Row) -> str:
    """A row as CSV has it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([_csv(value) for value in row])
    return text.getvalue()


def _csv(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else value


def json_line(tags: Tags, selection: Selection) -> str:
    """A file as JSON lines have it: the tags that are told, and the timeline's columns in their order."""
    plain = tags.to_dict()
    column = {name: at for at, name in enumerate(tags.names)}
    told = [column[row.tag] for row in selection.of(tags)]
    plain["path"] = in_utf8(tags.source or "")
    plain["tags"] = [plain["tags"][at] for at in told]
    if "timeline" in plain:
        plain["timeline"]["scores"] = [[window[at] for at in told] for window in plain["timeline"]["scores"]]
    return json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(path: Path, columns: Row, rows: Iterable[Row]) -> None:
    """All rows, below a line of column names."""
    with written(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(map(_csv, row) for row in rows)


def write_jsonl(path: Path, lines: Iterable[str]) -> None:
    """All lines."""
    with written(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def write_parquet(path: Path, columns: Row, rows: Iterable[Row]) -> None:
    """All rows; numbers as float32."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"duration": pa.float32(), "score": pa.float32(), "percentile": pa.float32(), "decided": pa.bool_()}
    kinds |= {"start": pa.float32(), "end": pa.float32(), "vector": pa.list_(pa.float32())}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
    left = iter(rows)
    with written(path) as partial, parquet.ParquetWriter(partial, schema) as writer:
        while block := list(islice(left, ROWS_AT_ONCE)):
            arrays = [
                pa.array(values, kind) for values, kind in zip(zip(*block, strict=True), schema.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def require_parquet() -> None:
    """Say at once what Parquet needs.

    Raises:
        TaggingError: it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise TaggingError("Parquet needs pyarrow, which is not installed: pip install 'songmood[parquet]'") from None


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; it becomes `path` when the block ends well and vanishes when not.

    Raises:
        TaggingError: the folder cannot be written, or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise TaggingError(f"{path} cannot be written ({reason}): make room or choose another place") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
