"""Tables of a study as pages: to be sorted, searched and read, without a network.

A page stands alone: the table, the code that sorts it, and the CSV file with all digits. The report
shows it in a frame.
"""

import csv
import io
import os
import re
import string
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

from rungs.errors import StudyError
from rungs.figures.table_cells import (
    MISSING,
    Cell,
    holds_numbers,
    interval_cell,
    is_number,
    number_cell,
    text_cell,
)
from rungs.figures.table_heads import MISSING_MEANS, Head, head_of, interval_head, words_of
from rungs.figures.table_library import packed_library
from rungs.files import write_text

MAX_ROWS = 1000
"""Rows on a page. A page of more would be slow to open, and nobody reads them."""
MAX_CSV_BYTES = 2_000_000
"""A larger file is not carried by its page: the report is read into memory as a whole."""
_LONG = 40
"""Letters from which on an entry is broken into lines."""
_WIDE = 20
"""Letters from which on a head is given room, so that it does not grow tall."""
_LOW = re.compile(r"(?P<begin>(?:(?P<stem>.+)_)?)low(?P<with_materials>(_with_materials)?)")
# The signs that stand for themselves in an address of data.
_SAFE = ",:;/=+-_.()@!$'*"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is shown: one of the CSV file, or the two ends of an interval."""

    names: tuple[str, ...]
    """Of the columns of the CSV file."""
    head: Head
    cells: Sequence[Cell]
    is_number: bool

    @property
    def is_empty(self) -> bool:
        """Whether no row has an entry."""
        return all(cell.text == MISSING for cell in self.cells)


def columns_of(rows: Sequence[Sequence[str]], table: str) -> list[Column]:
    """Return the columns that people are shown, in the order of the CSV file.

    Args:
        rows: of the file, its head first.
        table: name of the file without ``.csv``, which may decide what a column means.
    """
    names = rows[0]
    by_name = {name: [row[k] for row in rows[1:]] for k, name in enumerate(names)}
    columns = []
    for name in names:
        if name not in by_name:  # the upper end of an interval that is there already
            continue
        column = by_name.pop(name)
        low = _LOW.fullmatch(name)
        high = f"{low['begin']}high{low['with_materials']}" if low else None
        if low and high in by_name:
            cells = list(map(interval_cell, column, by_name.pop(high)))
            wider = bool(low["with_materials"])
            head = interval_head(low["stem"] or "", table, with_materials=wider)
            columns.append(Column((name, high), head, cells, is_number=True))
            continue
        head = head_of(name, table)
        if not head.is_id and holds_numbers(column):
            missing = MISSING_MEANS.get((table, name), MISSING)
            cells = [number_cell(entry, missing) for entry in column]
            columns.append(Column((name,), head, cells, is_number=True))
        else:
            cells = [text_cell(words_of(entry, name)) for entry in column]
            columns.append(Column((name,), head, cells, is_number=False))
    return columns


def table_page(text: str, *, file: str, title: str) -> str:
    """Return the page of a table, HTML that stands alone.

    Columns without any entry are named and left out; of a table of more than ``MAX_ROWS`` rows the
    first are shown, and the page says so.

    Args:
        text: content of the CSV file.
        file: where it lies in the study's folder, e.g. ``tables/costs.csv``.
        title: what people call the table.

    Raises:
        StudyError: if the file has no head, or a row has more or fewer entries than it.
    """
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise StudyError(
            f"{file}: its rows differ in their number of entries, or it is empty; delete it, and "
            "Snakemake makes it anew"
        )
    n_rows = len(rows) - 1
    every = columns_of(rows[: MAX_ROWS + 1], Path(file).stem)
    shown = [column for column in every if not column.is_empty or n_rows == 0]
    empty = [name for column in every if column not in shown for name in column.names]
    assets = resources.files("rungs.figures").joinpath("table_page")
    page = string.Template(assets.joinpath("page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(title),
        about=_about(text, file, n_rows),
        head="\n".join(map(_head, shown)),
        body="\n".join(_rows(shown)),
        columns="\n".join(map(_definition, shown)),
        empty=_left_out(empty),
        style=assets.joinpath("page.css").read_text(encoding="utf-8").strip(),
        script=assets.joinpath("page.js").read_text(encoding="utf-8").strip(),
        library=packed_library(),
    )


def write_pages(
    tables: Mapping[str, str | os.PathLike],
    pages: Mapping[str, str | os.PathLike],
    titles: Mapping[str, str],
) -> str:
    """Write the page of every table; return a line to say.

    Args:
        tables: the CSV files, by name.
        pages: the pages to write, by the same names, in a folder of the study's folder.
        titles: of the pages, by the same names.

    Raises:
        StudyError: for a table that cannot be read.
    """
    for name, title in titles.items():
        file = os.path.relpath(tables[name], Path(pages[name]).parents[1])
        with open(tables[name], encoding="utf-8", newline="") as handle:
            text = handle.read()
        write_text(pages[name], table_page(text, file=Path(file).as_posix(), title=title))
    return f"{len(titles)} tables written as pages"


def _about(text: str, file: str, n_rows: int) -> str:
    """What the page shows of the file, and where all of it is."""
    size = len(text.encode())
    all_digits = "all digits" if n_rows <= MAX_ROWS else "all rows and digits"
    if size <= MAX_CSV_BYTES:
        address = f"data:text/csv;charset=utf-8,{urllib.parse.quote(text, safe=_SAFE)}"
        whole = (
            f'<a href="{escape(address)}" download="{escape(Path(file).name)}">Download the CSV '
            f"file</a> ({_size(size)}) for {all_digits}; it is <code>{escape(file)}</code> in the "
            "study's folder."
        )
    else:
        whole = (
            f"The CSV file, <code>{escape(file)}</code> in the study's folder, has {all_digits}; "
            f"with {_size(size)} it is too large to be carried along."
        )
    if n_rows > MAX_ROWS:
        return f"The first {MAX_ROWS:,} of {n_rows:,} rows, numbers rounded. {whole}"
    return f"{n_rows:,} {'row' if n_rows == 1 else 'rows'}, numbers rounded. {whole}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"


def _head(column: Column) -> str:
    words, unit = column.head.words, column.head.unit
    kinds = ["number"] * column.is_number + ["wide"] * (len(words) > _WIDE)
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    names = escape(", ".join(column.names))
    below = f'<span class="unit">{escape(unit)}</span>' if unit else ""
    return f'<th scope="col" title="{names}"{kind}>{escape(words)} {below}</th>'


def _rows(columns: Sequence[Column]) -> Iterable[str]:
    # The first column says what a row is of. Each cell of a column has what it is sorted by, or
    # none: DataTables looks at the first.
    before = ['<th scope="row"{}>', *["<td{}>"] * (len(columns) - 1)]
    after = ["</th>", *["</td>"] * (len(columns) - 1)]
    ordered = [column.is_number and _needs_order(column.cells) for column in columns]
    long = [any(len(cell.text) > _LONG for cell in column.cells) for column in columns]
    for cells in zip(*(column.cells for column in columns), strict=True):
        line = []
        for k, cell in enumerate(cells):
            kind = ' class="number"' if columns[k].is_number else ' class="long"' * long[k]
            order = f' data-order="{cell.order}"' if ordered[k] else ""
            line.append(f"{before[k].format(kind + order)}{escape(cell.text)}{after[k]}")
        yield f"<tr>{''.join(line)}</tr>"


def _needs_order(cells: Iterable[Cell]) -> bool:
    """Whether some cell's text is not what a computer reads as its number."""
    return any(not is_number(cell.text) for cell in cells)


def _definition(column: Column) -> str:
    names = ", ".join(f"<code>{escape(name)}</code>" for name in column.names)
    return f"<dt>{escape(column.head.words)}: </dt><dd>{names}</dd>"


def _left_out(names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = ", ".join(f"<code>{escape(name)}</code>" for name in names)
    return f"<p>Left out here, as no row shown has an entry: {listed}.</p>"
