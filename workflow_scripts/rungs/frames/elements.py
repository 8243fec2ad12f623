"""Symbols and atomic numbers of the elements that CHGNet knows: Z = 1 to 94."""

from rungs.elements import ALL_SYMBOLS

MAX_ATOMIC_NUMBER = 94

SYMBOLS: tuple[str, ...] = ALL_SYMBOLS[:MAX_ATOMIC_NUMBER]
"""Symbol of the element with atomic number Z at index Z - 1."""

ATOMIC_NUMBERS: dict[str, int] = {symbol: z for z, symbol in enumerate(SYMBOLS, start=1)}
"""Atomic number of each symbol."""
