"""Tables on the standard output, whole where it is a file or a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDTH_OF_A_PIPE = 140  # characters; rich would cut tables at 80


def console() -> Console:
    """Where tables go. A name is shown as it is: a folder `run[mix]` or a tag `:cat:` is no markup."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE, highlight=False, markup=False, emoji=False)


def table_of(first: str, *numbers: str) -> Table:
    """An empty table: a column of names, then columns of numbers."""
    from rich import box
    from rich.table import Table

    table = Table(first, box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table
