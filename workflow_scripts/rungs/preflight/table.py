"""Plain aligned text for a terminal."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], heading: Sequence[str] | None = None) -> list[str]:
    """Rows with their columns one below the other, two blanks apart; the last is not padded."""
    whole = [list(heading), *rows] if heading else list(rows)
    if not whole:
        return []
    widths = [max(len(str(row[i])) for row in whole) for i in range(len(whole[0]))]
    lines = [
        "  ".join(
            str(cell).ljust(width) if i < len(row) - 1 else str(cell)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in whole
    ]
    if heading:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number and a noun: ``1 frame``, ``2 frames``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], shown: int = 8) -> str:
    """The first few items, and how many more there are."""
    more = len(items) - shown
    return ", ".join(items[:shown]) + (f" and {more} more" if more > 0 else "")
