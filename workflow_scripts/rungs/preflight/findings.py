"""What was found on either side of a proposed study, in words for the terminal."""

from rungs.frames.labels import label_words
from rungs.preflight.guess import Side
from rungs.preflight.table import count, listed


def published_facts(name: str) -> dict[str, str]:
    """Rows of the table for a published model in place of a source."""
    return {"what": f"published model {name}", "elements": "all to plutonium"}


def facts(side: Side) -> dict[str, str]:
    """Rows of the table that the terminal shows, for one side."""
    read, data = side.read, side.draft.data
    screened, counts = read.screened, read.counts
    files = side.given.files
    rows = {
        "what": str(data["kind"]),
        "files": listed([path.name for path in files], 3),
        "frames": f"{side.n_frames:,}",
        "set aside": listed([f"{n} {kind}" for kind, n in screened.counts.items()], 3) or "none",
        "atoms a frame": f"{counts.n_atoms / side.n_frames:.0f}, at most {counts.largest}",
        "elements": listed(sorted(side.elements), 12),
        "labels": label_words(screened.labels.labelled, side.n_frames),
    }
    for label, unit in (("energy", "energy_unit"), ("forces", "forces_unit")):
        key = data.get(f"{label}_key", data.get(f"{label}_column"))
        if unit in data and key:
            rows[label] = f"{key}, {data[unit]}"
    stress = data.get("stress_key", data.get("stress_column"))
    if stress and "stress_unit" in data:
        rows["stress"] = f"{stress}, {data['stress_unit']}, {data['stress_sign']}"
    materials = len({member.material_id for member in read.members})
    rows["materials"] = f"{materials:,}, {side.draft.materials}"
    copies = len(read.members) - len({member.geometry for member in read.members})
    rows["duplicates"] = count(copies, "frame") if copies else "none"
    atoms = sorted({atom.element for atom in screened.isolated_atoms})
    rows["isolated atoms"] = ", ".join(atoms) or "none"
    if side.given.test:
        rows["division"] = "files for training and test"
    elif side.draft.division:
        rows["division"] = f"under '{side.draft.division}'"
    return rows


def told_of(side: Side) -> list[str]:
    """What there is to tell of a side besides the table."""
    told = [*side.draft.remarks, *side.read.notes]
    if side.units is not None and (unsure := set(side.draft.open_units) - side.units.sure):
        told.append(
            f"nothing but their size tells the units of {' and '.join(sorted(unsure))}: compare a "
            "frame with its calculation"
        )
    if side.read.label_fault:
        told.append(side.read.label_fault)
    return told
