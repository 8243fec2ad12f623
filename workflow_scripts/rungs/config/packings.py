"""Names of packed files."""

PACKED = (".gz", ".bz2", ".xz", ".lzma", ".zst", ".zip")
"""Endings that tell how a file is packed, and are no part of its own name."""


def unpacked_name(name: str) -> str:
    """A file's name without the endings of packings."""
    for ending in PACKED:
        if name.lower().endswith(ending):
            return unpacked_name(name[: -len(ending)])
    return name
