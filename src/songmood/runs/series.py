"""A run's `metrics.csv`, read back."""

import csv
from pathlib import Path

from songmood.errors import RunFolderError

Series = dict[str, tuple[list[int], list[float]]]


def read_series(metrics_csv: Path) -> Series:
    """Each column of a `metrics.csv` as its epochs and values, both of the same length.

    Empty cells, as of a logger that writes a row per split, are passed over.

    Raises:
        RunFolderError: the file is missing, has no epoch, or holds an entry that is no number.
    """
    series: Series = {}
    try:
        with metrics_csv.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, restkey="surplus", restval=""):
                for name, value in row.items():
                    if name not in ("epoch", "step") and value != "":
                        epochs, values = series.setdefault(name, ([], []))
                        epochs.append(int(row["epoch"]))
                        values.append(float(value))
    except OSError as error:
        raise RunFolderError(f"{metrics_csv}: cannot be read ({error.strerror}); training writes it") from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise RunFolderError(f"{metrics_csv}: {error}; expected numbers in columns, one of them `epoch`") from error
    if not series:
        raise RunFolderError(f"{metrics_csv}: no epoch is in it; was the run stopped before its first was over?")
    return series
