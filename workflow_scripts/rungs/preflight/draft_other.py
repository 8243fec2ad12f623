"""What JSON, Parquet, ASE's files and folders of VASP runs hold."""

from pathlib import Path

import numpy as np

from rungs.config.vasp_folders import find_runs
from rungs.errors import StudyError
from rungs.preflight import names
from rungs.preflight.draft_xyz import draft_xyz
from rungs.preflight.drafts import (
    LOOKED_AT,
    Draft,
    Keys,
    choose_energy,
    choose_ids,
    files_of,
    missing_energy,
    relative,
    some_of,
)
from rungs.preflight.given import Given, sample_documents


def draft_of(given: Given, folder: Path) -> Draft:
    """Declare what files hold; units that the kind does not fix stay open.

    Args:
        given: what a person named.
        folder: that names in the study are relative to.

    Raises:
        StudyError: when a file cannot be read, or nothing in it looks like frames with energies.
    """
    draft = _DRAFTS[given.kind](given, folder)
    draft.remarks += given.remarks
    return draft


def _draft_mp_json(given: Given, folder: Path) -> Draft:
    documents = [d for path in given.files for d in sample_documents(path, 50)]
    keys = {key for document in documents for key in document}
    draft = Draft(files_of(given, folder))
    if "corrected_total_energy" in keys or (
        "energy_per_atom" in keys and "uncorrected_total_energy" not in keys
    ):
        draft.data["energy"] = "corrected"
        draft.checks["energy"] = "with MP2020 corrections, or uncorrected, as the other level?"
        if "corrected_total_energy" in keys and "uncorrected_total_energy" not in keys:
            draft.comments["energy"] = "the only energy in the file"
    else:
        draft.data["energy"] = "uncorrected"
    if not keys & {"force", "forces"}:
        draft.data["forces_key"] = None
    draft.materials = "by the keys that documents are nested under"
    return draft


def _draft_matpes_json(given: Given, folder: Path) -> Draft:
    documents = [d for path in given.files for d in sample_documents(path, LOOKED_AT)]
    draft = Draft(files_of(given, folder))
    if not any(d.get("energy") is not None or "energy_per_atom" in d for d in documents):
        raise missing_energy(given, dict.fromkeys(key for d in documents for key in d))
    found = {str(d["functional"]) for d in documents if d.get("functional")}
    if len(found) == 1:
        draft.functional = found.copy().pop()
        draft.data["functional"] = draft.functional
    elif found:
        draft.functional = sorted(found)[0]
        draft.data["functional"] = draft.functional
        draft.checks["functional"] = f"the documents are of {', '.join(sorted(found))}"
    if not any("matpes_id" in d for d in documents):
        own = next((k for k in ("_id", "id", "task_id", "frame_id") if k in documents[0]), None)
        if own:
            draft.data["frame_key"] = own
    provenance = [d.get("provenance") or {} for d in documents]
    if any(p.get("original_mp_id") for p in provenance):
        draft.materials = "by the Materials Project's ids under 'provenance.original_mp_id'"
    else:
        texts = {key for d in documents for key, v in d.items() if isinstance(v, str | int)}
        found_keys = names.candidates("material", sorted(texts))
        draft.data["material_key"] = found_keys[0] if found_keys else None
        if found_keys:
            draft.materials = f"by the values under '{found_keys[0]}'"
    if not any(d.get("forces") is not None or d.get("force") is not None for d in documents):
        draft.data["forces_key"] = None
    return draft


def _draft_ase_db(given: Given, folder: Path) -> Draft:
    from rungs.sources.ase_files import iter_rows

    keys, results, others = Keys(), set(), {}
    for path in given.files:
        for row in some_of(iter_rows(path, None, "the file", "select")):
            values = dict(row.keys)
            keys.add(len(row.numbers), values)
            # of a database row everything is among the first, so ask for what counts as a result
            for name in ("energy", "forces", "stress", "magmoms"):
                if row.places[0]().get(name) is not None:
                    results.add(name)
            for name in row.names():
                value = row.label(name) if name not in _OF_ROWS else None
                size = np.size(value) if _is_number(value) else 0
                if size:
                    others.setdefault(name, (size, len(row.numbers)))
    draft = Draft(files_of(given, folder))
    if "energy" not in results:
        found = names.candidates("energy", [n for n, (size, _) in others.items() if size == 1])
        if not found:
            raise missing_energy(given, others)
        choose_energy(draft, keys, "energy_key", found)
        draft.open_units["energy"] = "energy_key"
    if "forces" not in results:
        found = names.candidates("forces", [n for n, (size, k) in others.items() if size == 3 * k])
        draft.data["forces_key"] = found[0] if found else None
        if found:
            draft.open_units["forces"] = "forces_key"
    if "stress" not in results:
        found = names.candidates("stress", [n for n, (size, _) in others.items() if size in (6, 9)])
        draft.data["stress_key"] = found[0] if found else None
        if found:
            draft.open_units["stress"] = "stress_key"
    words = [k for k, values in keys.values.items() if not any(map(_is_array, values))]
    choose_ids(draft, keys, ("material_key", "group_key"), whole=bool(given.test), texts=words)
    return draft


_OF_ROWS = frozenset(
    {"id", "unique_id", "ctime", "mtime", "user", "numbers", "positions", "cell", "pbc", "tags"}
    | {"calculator", "calculator_parameters", "momenta", "masses", "constraints", "data"}
    | {"key_value_pairs", "initial_magmoms", "initial_charges", "constrained_forces"}
)


def _is_number(value: object) -> bool:
    try:
        return value is not None and np.asarray(value).dtype.kind in "fi"
    except ValueError:
        return False


def _is_array(value: object) -> bool:
    return np.ndim(value) > 0 if not isinstance(value, str) else False


def _draft_parquet(given: Given, folder: Path) -> Draft:
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys, kinds, rows = Keys(), {}, 0
    for path in given.files:
        try:
            with pq.ParquetFile(path) as parquet:
                kinds |= {f.name: f.type for f in parquet.schema_arrow}
                batch = next(parquet.iter_batches(batch_size=LOOKED_AT), None)
        except (pa.ArrowException, OSError) as error:
            said = str(error).splitlines()[0]
            raise StudyError(
                f"{path}: cannot be read as Parquet ({said}); get a whole copy"
            ) from None
        if batch is None:
            raise StudyError(f"{path}: holds no rows; name a file with frames")
        missing = [c for c in ("cell", "atomic_numbers", "cart_coords") if c not in kinds]
        if missing:
            raise StudyError(
                f"{path}: has no column {', '.join(missing)}, in which `kind: parquet` has "
                f"structures; its columns are {', '.join(list(kinds)[:30])}"
            )
        flat = [f.name for f in batch.schema if _is_plain(f.type)]
        nested = [
            f"{f.name}.{f.type.field(i).name}"
            for f in batch.schema
            if pa.types.is_struct(f.type)
            for i in range(f.type.num_fields)
            if _is_plain(f.type.field(i).type)
        ]
        for row in batch.select(
            [*flat, *{n.split(".")[0] for n in nested}, "atomic_numbers"]
        ).to_pylist():
            rows += 1
            inner = {n: (row[n.split(".")[0]] or {}).get(n.split(".")[1]) for n in nested}
            values = {name: row[name] for name in flat} | inner
            keys.add(len(row["atomic_numbers"] or ()), values)
    draft = Draft(files_of(given, folder))
    lists = [name for name, kind in kinds.items() if _depth(kind)]
    texts = [k for k in keys.values if not any(isinstance(v, float) for v in keys.values[k])]
    ids = [
        k for k in texts if k in ("frame_id", "id", "matpes_id", "task_id", "frame", "uuid", "_id")
    ]
    unique = [k for k in ids if len(set(map(str, keys.values[k]))) == rows]
    draft.data["frame_column"] = unique[0] if unique else None
    plain = [k for k in keys.values if any(isinstance(v, float) for v in keys.values[k])]
    found = names.candidates("energy", plain)
    if not found:
        raise missing_energy(given, kinds)
    draft.data["material_column"] = None
    choose_energy(draft, keys, "energy_column", found)
    draft.open_units["energy"] = "energy_column"
    forces = names.candidates("forces", [n for n in lists if _depth(kinds[n]) == 2])
    draft.data["forces_column"] = forces[0] if forces else None
    if forces:
        draft.open_units["forces"] = "forces_column"
    stresses = names.candidates("stress", lists)
    draft.data["stress_column"] = stresses[0] if stresses else None
    if stresses:
        draft.open_units["stress"] = "stress_column"
    if moments := names.candidates("magmoms", [n for n in lists if _depth(kinds[n]) == 1]):
        draft.data["magmoms_column"] = moments[0]
    words = [k for k in texts if k not in unique]
    choose_ids(
        draft, keys, ("material_column", "group_column"), whole=bool(given.test), texts=words
    )
    return draft


def _is_plain(kind: object) -> bool:
    import pyarrow as pa

    return pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _depth(kind: object) -> int:
    import pyarrow as pa

    depth = 0
    while (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    ):
        kind, depth = kind.value_type, depth + 1
    return depth


def _draft_vasp_runs(given: Given, folder: Path) -> Draft:
    root = given.train[0]
    draft = Draft({"kind": "vasp_runs", "folder": relative([root], folder)[0]})
    if given.pattern is not None and given.pattern != "vasprun.xml":
        draft.data["pattern"] = given.pattern
    elif given.pattern is not None:
        draft.data["pattern"] = "vasprun.xml*"
    runs = find_runs(root, str(draft.data.get("pattern", "**/vasprun.xml*"))).files
    folders = [Path(run.name).parent.parts for run in runs]
    first = {parts[0] for parts in folders if parts}
    draft.materials = "by the folders of the runs"
    if len(first) >= 2 and len(first) < len(runs) and all(len(p) > 1 for p in folders):
        draft.data["material_depth"] = 1
        draft.materials = "by the outermost folders, which hold several runs"
        draft.checks["material_depth"] = f"{len(first)} folders hold {len(runs)} runs"
    return draft


_DRAFTS = {
    "extended_xyz": draft_xyz,
    "mp_json": _draft_mp_json,
    "matpes_json": _draft_matpes_json,
    "ase_db": _draft_ase_db,
    "parquet": _draft_parquet,
    "vasp_runs": _draft_vasp_runs,
}
