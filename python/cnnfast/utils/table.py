"""Tables of text."""

from __future__ import annotations

from collections.abc import Sequence

_GAP = 2


def table_lines(
    header: Sequence[str], rows: Sequence[Sequence[str]], left: int, line_length: int | None = None
) -> list[str]:
    """Returns the lines of a table, with a rule above and below the rows.

    Args:
        header: Names of the columns.
        rows: Their cells.
        left: How many columns, from the first, are names and stand to the left; numbers stand to the right.
        line_length: Width of the table; only the first column gives way or takes what is left. None fits the
            widest cells.

    Example:
        >>> for line in table_lines(("name", "size"), [("a", "12"), ("b", "7")], left=1):
        ...     print(line)
        name  size
        ──────────
        a       12
        b        7
        ──────────
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    if line_length is not None:
        widths[0] = max(len(header[0]), line_length - sum(widths[1:]) - _GAP * (len(widths) - 1))
    rule = "─" * (sum(widths) + _GAP * (len(widths) - 1))
    lines = [_line(cells, widths, left) for cells in (header, *rows)]
    return [lines[0], rule, *lines[1:], rule]


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    fitted = [
        cell if len(cell) <= width else cell[: width - 1] + "…"
        for cell, width in zip(cells, widths, strict=True)
    ]
    aligned = [
        f"{cell:<{width}}" if place < left else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(fitted, widths, strict=True))
    ]
    return (" " * _GAP).join(aligned)
