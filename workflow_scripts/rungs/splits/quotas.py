"""How many materials (or compositions, or chemical systems) of each stratum go to each part."""

from collections.abc import Mapping

from rungs.errors import StudyError

Stratum = tuple[tuple[str, ...], bool]
"""Levels that have the materials, and whether the materials may go to test."""


def share_out(
    sizes: Mapping[Stratum, int],
    fractions: Mapping[str, float],
    has_test: Mapping[str, bool],
    by: str = "material",
) -> dict[Stratum, dict[str, int]]:
    """Round ``fractions`` to whole materials in each stratum (largest remainders), then see to it
    that each level has at least one material in each part that is asked for.

    Args:
        sizes: number of materials in each stratum.
        fractions: of ``test`` and ``validation``; training gets the rest.
        has_test: for each level, whether it has test materials besides those to be shared out.
        by: what is shared out, for messages: a material, a composition or a chemical system.

    Returns:
        For each stratum the numbers of materials in ``train``, ``validation`` and ``test``.

    Raises:
        StudyError: when there are too few materials.
    """
    counts = {
        stratum: _round(size, fractions if stratum[1] else {**fractions, "test": 0.0})
        for stratum, size in sizes.items()
    }
    needs = [
        (level, part)
        for level in has_test
        for part in ("test", "validation", "train")
        if not (part == "test" and has_test[level])
        and not (part == "validation" and fractions["validation"] == 0)
    ]
    for level, part in needs:
        if _total(counts, level, part) == 0 and not _move_one(counts, level, part, needs):
            n_all = sum(_total(counts, level, p) for p in ("train", "validation", "test"))
            free = sum(size for (names, free), size in sizes.items() if level in names and free)
            why = (
                f"all it has ({n_all}) are in the other level's training files"
                if part == "test" and free == 0
                else f"there are {n_all} to divide"
            )
            noun = by.replace("_", " ")
            more = (
                "set material_key to null so that each frame counts as one"
                if by == "material"
                else "split by material"
            )
            raise StudyError(
                f"the {level} has no {noun} for {part}: {why}, with split.test = "
                f"{fractions['test']:g} and split.validation = {fractions['validation']:g}; use "
                f"more {noun}s, {more}, or ask for fewer parts (split.validation: 0)"
            )
    return counts


def _round(size: int, fractions: Mapping[str, float]) -> dict[str, int]:
    exact = {part: fraction * size for part, fraction in fractions.items()}
    exact["train"] = size - sum(exact.values())
    # A hair is added, so that 0.3 × 10 is 3 and not the 2.9999999 of binary fractions.
    counts = {part: int(value + 1e-9) for part, value in exact.items()}
    by_remainder = sorted(exact, key=lambda part: counts[part] - exact[part])
    for part in by_remainder[: size - sum(counts.values())]:
        counts[part] += 1
    return counts


def _total(counts: Mapping[Stratum, Mapping[str, int]], level: str, part: str) -> int:
    return sum(numbers[part] for (names, _), numbers in counts.items() if level in names)


def _move_one(
    counts: dict[Stratum, dict[str, int]], level: str, part: str, needs: list[tuple[str, str]]
) -> bool:
    """Move one material of ``level`` to ``part`` from the fullest part that can spare it."""
    donors = sorted(
        (-number, stratum, donor)
        for stratum, numbers in counts.items()
        if level in stratum[0] and (stratum[1] or part != "test")
        for donor, number in numbers.items()
        if donor != part and number > 0
    )
    for _, stratum, donor in donors:
        spared = all(
            _total(counts, name, donor) > 1 for name in stratum[0] if (name, donor) in needs
        )
        if spared:
            counts[stratum][donor] -= 1
            counts[stratum][part] += 1
            return True
    return False
