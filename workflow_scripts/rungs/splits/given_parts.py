"""Parts that the user lists by material id."""

import csv
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rungs.errors import StudyError
from rungs.splits.groups import Levels

if TYPE_CHECKING:
    from rungs.config.data import GivenParts

PARTS = ("train", "validation", "test")
_COLUMNS = ["material_id", "part"]
_SHOWN = 5


def read_listed(given: "GivenParts", data_folder: str | os.PathLike) -> dict[str, str]:
    """The part of each listed material, from the configuration or its file.

    Raises:
        StudyError: when the file is missing, is no table of ``material_id`` and ``part``, names a
            part that does not exist, lists a material twice, or has no test material.
    """
    path = given.path(str(data_folder))
    if path is None:
        listed = dict.fromkeys(given.test, "test")
        return listed | dict.fromkeys(given.validation, "validation")
    listed = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            rows = csv.reader(handle)
            if (header := next(rows, [])) != _COLUMNS:
                raise StudyError(
                    f"{path}: expected the columns {', '.join(_COLUMNS)}, found "
                    f"{', '.join(header) or 'nothing'}; it is the file of split.parts"
                )
            for row in filter(None, rows):
                where = f"{path}, line {rows.line_num}"
                if len(row) != len(_COLUMNS) or row[1] not in PARTS:
                    raise StudyError(
                        f"{where}: expected a material id and one of {', '.join(PARTS)}, found "
                        f"{','.join(row)}"
                    )
                if row[0] in listed:
                    raise StudyError(f"{where}: material {row[0]} is listed twice; keep one line")
                listed[row[0]] = row[1]
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be read ({error.strerror}); mend split.parts.file or data_folder, "
            "which it is relative to"
        ) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: is no CSV file in UTF-8 ({error})") from None
    if "test" not in listed.values():
        raise StudyError(f"{path}: lists no test material; give some the part test")
    return listed


def assign_listed(
    levels: Levels, group_of: Mapping[str, str], listed: Mapping[str, str]
) -> dict[str, str]:
    """The part of each group: that of its listed materials, else train.

    Raises:
        StudyError: when a listed material is in no level, when materials that must stay together
            are listed in different parts, when a level carries a division of its own, or when
            nothing is left to train on or to test on.
    """
    for name, level in levels.items():
        if any(m.given_part for m in level):
            raise StudyError(
                f"split.parts lists materials, but the files of the {name} carry a division of "
                f"their own; leave out split.parts, or list all files under {name}.data.train"
            )
    if unknown := sorted(set(listed) - set(group_of)):
        more = len(unknown) - _SHOWN
        raise StudyError(
            f"split.parts lists {len(unknown)} materials that no sound frame of the "
            f"{' or the '.join(levels)} has ({', '.join(unknown[:_SHOWN])}"
            f"{f' and {more} more' if more > 0 else ''}); mend the ids, or see the rejects files "
            "for what became of their frames"
        )
    assignment: dict[str, str] = {}
    first: dict[str, str] = {}
    for material, part in sorted(listed.items()):
        group = group_of[material]
        if assignment.setdefault(group, part) != part:
            raise StudyError(
                f"split.parts lists {first[group]} for {assignment[group]} and {material} for "
                f"{part}, but the two must stay together: they share an identical frame or, by "
                "way of others, what split.by asks to keep together; list them in one part"
            )
        first.setdefault(group, material)
    for group in group_of.values():
        assignment.setdefault(group, "train")
    for name, level in levels.items():
        found = {assignment[group_of[m.material_id]] for m in level}
        # What the source is tested on matters to no result; it may have none.
        needed = ("train", "test") if name == "target" else ("train",)
        for part in needed:
            if part not in found:
                raise StudyError(
                    f"split.parts leaves the {name} no material for {part}; unlisted materials "
                    "train, and so must some of each level, and test some of the target"
                )
    return assignment
