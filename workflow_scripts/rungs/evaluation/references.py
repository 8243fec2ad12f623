"""What every rule for the reference energies is worth at every subset size, without a training."""

import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rungs.files import write_rows
from rungs.frames.elements import SYMBOLS
from rungs.frames.isolated_atoms import read_isolated_energies
from rungs.graphs.store import GraphStore
from rungs.references.fit import ReferenceEnergies, read_reference
from rungs.references.interactions import read_interactions
from rungs.references.isolated import (
    isolated_reference,
    missing_atoms,
    missing_of_source,
    symbols_of,
)
from rungs.references.rules import RULES, reference_by_rule
from rungs.splits.files import frame_ids, read_order, read_split
from rungs.splits.subsets import take

PathLike = str | os.PathLike

REFERENCE_ERROR_COLUMNS = (
    "rule",
    "fitted_on",
    "size",
    "seed",
    "test_elements_absent",
    "reference_mae_mev_per_atom",
    "pretrained_mae_mev_per_atom",
)


def compare_references(
    *,
    interactions: PathLike,
    graphs: PathLike,
    split: PathLike,
    subsets: Mapping[int, PathLike],
    sizes: Sequence[int],
    source_reference: PathLike,
    atoms: Mapping[str, PathLike] | None = None,
    output: PathLike,
) -> str:
    """Write ``tables/reference_errors.csv`` and return a line for the terminal.

    One row for the source's own reference energies, one for those of isolated atoms where there
    are such of every element (of the target's, and of both levels', see
    :mod:`rungs.references.isolated`), one for each rule fitted to the whole training
    part, and one for each rule, size and seed fitted to the subset: mean absolute errors of the
    target's test energies, in meV/atom, of the reference energies alone and of the pretrained model
    with them. ``test_elements_absent`` counts elements of the test frames that no fitted frame has.
    Only frames with an energy are fitted to and compared; where no test frame has one, the table
    has no rows.

    Args:
        interactions: the pretrained network's interaction energies of training and test frames.
        graphs, split: of the target, and of the study.
        subsets: the order of the target's training frames for each seed.
        sizes: subset sizes; 0 is the source's row.
        source_reference: the source's reference energies.
        atoms: tables of the isolated atoms of ``source`` and ``target``.
        output: the table to write.

    Raises:
        StudyError: when a subset has fewer frames than asked for.
    """
    store = GraphStore.open(graphs)
    rows = read_split(split)

    def with_energy(names: Sequence[str]) -> np.ndarray:
        places = store.index(names)
        return places[store.labelled(places)["energy"]]

    training = with_energy(frame_ids(rows, "target", "train"))
    test = with_energy(frame_ids(rows, "target", "test"))
    if not len(test):
        write_rows(output, REFERENCE_ERROR_COLUMNS, [])
        return "reference energies: no test frame of the target has an energy to compare them on"
    known = read_reference(source_reference)
    source = known.energies
    places = np.concatenate([training, test])
    interaction = np.full(len(store), np.nan)
    interaction[places] = read_interactions(interactions, store, places)
    materials = {row.frame_id: row.material_id for row in rows if row.level == "target"}
    energies, compositions = store.energies_per_atom, store.compositions(test)

    def errors(reference: np.ndarray, frames: np.ndarray) -> dict:
        left = energies[test] - compositions @ reference
        absent = compositions.any(axis=0) & ~store.compositions(frames).any(axis=0)
        return {
            "test_elements_absent": int(absent.sum()),
            "reference_mae_mev_per_atom": 1000 * float(np.abs(left).mean()),
            "pretrained_mae_mev_per_atom": 1000 * float(np.abs(left - interaction[test]).mean()),
        }

    def fitted(frames: np.ndarray) -> Iterator[dict]:
        for rule in RULES:
            reference = reference_by_rule(
                rule,
                store.compositions(frames),
                energies[frames],
                source,
                groups=[materials[store.frame_ids[i]] for i in frames],
                interaction=interaction[frames],
            )
            yield {"rule": rule, **errors(reference.energies, frames)}

    table = [{"rule": "source", "fitted_on": "source", "size": 0, **errors(source, training)}]
    for kind, reference in _of_isolated_atoms(store, known, atoms or {}):
        row = {"rule": "isolated_atoms", "fitted_on": kind, "size": 0}
        table.append(row | errors(reference, training))
    about = {"fitted_on": "training", "size": len(training)}
    table += [about | row for row in fitted(training)]
    for seed, order in subsets.items():
        for size in filter(None, sizes):
            frames = with_energy(take(read_order(order), size))
            about = {"fitted_on": "subset", "size": size, "seed": seed}
            table += [about | row for row in fitted(frames)]
    write_rows(output, REFERENCE_ERROR_COLUMNS, table)
    return _summary(table)


def _of_isolated_atoms(
    store: GraphStore, source: ReferenceEnergies, atoms: Mapping[str, PathLike]
) -> Iterator[tuple[str, np.ndarray]]:
    """The references that the isolated atoms give, with what they are of, where they suffice."""
    if not atoms:
        return
    energies = {level: read_isolated_energies(path) for level, path in atoms.items()}
    elements = symbols_of(store.compositions())
    if missing_atoms(energies["target"], elements):
        return
    yield "isolated atoms of the target", isolated_reference(energies["target"], elements)
    seen = {symbol for symbol, n in zip(SYMBOLS, source.n_frames, strict=True) if n}
    missing = missing_of_source(energies["source"], seen, elements)
    if np.isfinite(energies["source"]).any() and not missing:
        both = isolated_reference(energies["target"], elements, source, energies["source"])
        yield "isolated atoms of both levels", both


def _summary(table: Sequence[Mapping]) -> str:
    """Say which rule is best at the smallest and at the largest subset."""
    sizes = sorted({row["size"] for row in table if row["fitted_on"] == "subset"})
    if not sizes:
        return "reference energies: no subsets to fit to"
    parts = []
    for size in dict.fromkeys((sizes[0], sizes[-1])):
        means = {
            rule: np.mean(
                [
                    row["pretrained_mae_mev_per_atom"]
                    for row in table
                    if (row["rule"], row["size"], row["fitted_on"]) == (rule, size, "subset")
                ]
            )
            for rule in RULES
        }
        best = min(means, key=means.get)
        parts.append(f"{size} frames: {best}, {means[best]:.0f} meV/atom")
    return f"best reference energies for the pretrained model, on {'; on '.join(parts)}"
