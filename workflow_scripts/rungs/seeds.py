"""Independent random seeds for every purpose, all derived from the study's one seed."""

import hashlib


def derive_seed(seed: int, *purpose: object) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on what it is for.

    ``derive_seed(0, "subset", 2)`` and ``derive_seed(0, "initial weights", 2)`` are unrelated
    streams, so drawing one number more for one purpose never changes another. The value depends on
    nothing else: it is the same on every machine and in every process.

    Args:
        seed: the study's seed; every integer counts, 0 included.
        purpose: what the seed is for, and its indices; compared by their text.
    """
    text = "\x1f".join([str(int(seed)), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
