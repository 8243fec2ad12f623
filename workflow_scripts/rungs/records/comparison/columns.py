"""By how much two tables' columns differ."""

from collections.abc import Mapping

import numpy as np

_SHOWN = 4
"""Columns that are named in words, the others being counted."""


class ColumnDifferences:
    """Gathers the largest difference of every column, as rows or arrays come."""

    def __init__(self) -> None:
        self.largest: dict[str, float] = {}
        """Largest absolute difference of each column that differs; infinite where one side is no
        number."""
        self._relative: dict[str, float] = {}
        self._texts: dict[str, tuple[str, str]] = {}
        self._rows = self._differing = 0

    def add_texts(self, row: Mapping[str, tuple[str, str]]) -> None:
        """Add a row of both tables: for each column the two fields as they were written."""
        self._rows += 1
        same = True
        for column, (a, b) in row.items():
            if a == b:
                continue
            try:
                same &= self._number(column, float(a), float(b))
            except ValueError:
                self._texts.setdefault(column, (a, b))
                same = False
        self._differing += not same

    def add_arrays(self, column: str, a: np.ndarray, b: np.ndarray, n_rows: int) -> None:
        """Add a column of both tables as arrays, of ``n_rows`` rows."""
        self._rows = max(self._rows, n_rows)
        if a.shape != b.shape:
            self._texts.setdefault(column, (f"shape {a.shape}", f"shape {b.shape}"))
            return
        if not (np.issubdtype(a.dtype, np.number) and np.issubdtype(b.dtype, np.number)):
            for x, y in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
                if x != y and not (x is None and y is None):
                    self._texts.setdefault(column, (str(x), str(y)))
            return
        x, y = a.astype(float).ravel(), b.astype(float).ravel()
        unlike = ~((x == y) | (np.isnan(x) & np.isnan(y)))
        if unlike.any():
            gaps = np.abs(x[unlike] - y[unlike])
            scale = np.maximum(np.abs(x[unlike]), np.abs(y[unlike]))
            # a number against none
            gaps, scale = np.where(np.isnan(gaps), np.inf, gaps), np.where(scale > 0, scale, 1)
            self._note(column, float(gaps.max()), float(np.nanmax(gaps / scale)))

    def in_words(self) -> list[str]:
        """Return what differs, the largest relative differences first; empty for nothing."""
        words = []
        if self._differing:
            words.append(f"{self._differing} of {self._rows} rows differ")
        order = sorted(self.largest, key=lambda column: -self._relative[column])
        for column in order[:_SHOWN]:
            share = self._relative[column]
            share_text = f" ({share:.2g} of the value)" if np.isfinite(share) else ""
            gap = self.largest[column]
            words.append(
                f"{column} by up to {gap:.3g}{share_text}"
                if np.isfinite(gap)
                else f"{column}: a number in one, none in the other"
            )
        for column, (a, b) in list(self._texts.items())[:_SHOWN]:
            words.append(f"{column}: {a or 'empty'!s} | {b or 'empty'!s}")
        left = max(len(order) - _SHOWN, 0) + max(len(self._texts) - _SHOWN, 0)
        return [*words, f"{left} more columns"] if left else words

    def _number(self, column: str, a: float, b: float) -> bool:
        """Note two numbers; return whether they are the same."""
        if a == b or (np.isnan(a) and np.isnan(b)):
            return True
        gap = abs(a - b)
        gap = np.inf if np.isnan(gap) else gap
        self._note(column, float(gap), float(gap / (max(abs(a), abs(b)) or 1)))
        return False

    def _note(self, column: str, gap: float, share: float) -> None:
        self.largest[column] = max(gap, self.largest.get(column, 0.0))
        self._relative[column] = max(share, self._relative.get(column, 0.0))
