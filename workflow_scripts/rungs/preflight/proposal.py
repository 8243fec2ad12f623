"""What a study proposes by itself: division, sizes, network, trainings, methods."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rungs.config.data import Split
from rungs.errors import StudyError
from rungs.frames.elements import ATOMIC_NUMBERS
from rungs.frames.frame import LABELS
from rungs.splits.members import Member
from rungs.splits.split import Part, split_materials

_DIVISIONS = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.34, 0.0), (0.5, 0.0))
_LEAST_IN_A_PART = 3
_LARGEST_ON_CPU = 2000
_LARGEST_ON_GPU = 50_000
_MANY_FRAMES = 3000
_ATOMS_IN_A_BATCH = 300


@dataclass
class Division:
    """A proposed section ``split``, and what it gives."""

    values: dict[str, object]
    counts: dict[tuple[str, str], int]
    """Frames of each level and part."""
    remark: str | None = None


def divide(
    source: Sequence[Member],
    target: Sequence[Member],
    listed: Mapping[str, Part] | None,
    by: str = "material",
) -> Division:
    """Propose fractions with which the materials can be divided.

    Args:
        source, target: the members of the levels; none for a source that is made by the study.
        listed: the part of each material of a published division.
        by: what stays together.

    Raises:
        StudyError: when nothing works, with the last reason.
    """
    # A source that is not there yet is divided like the target: the target's parts are the same.
    source = source or target
    reason: StudyError | None = None
    if listed:
        try:
            counts = _counts(source, target, Split(), listed)
            if all(counts.get(("target", part), 0) for part in ("train", "test")):
                return Division({}, counts)
        except StudyError as error:
            reason = error
    best: Division | None = None
    for test, validation in _DIVISIONS:
        values = {"by": by} if by != "material" else {}
        values |= {"test": test, "validation": validation}
        try:
            counts = _counts(source, target, Split.model_validate(values), None)
        except StudyError as error:
            reason = error
            continue
        found = Division(values, counts, str(reason) if listed and reason else None)
        best = best or found
        wanted = ["test", "validation"] if validation else ["test"]
        if all(counts.get(("target", part), 0) >= _LEAST_IN_A_PART for part in wanted):
            return found
    if best is None:
        raise reason or StudyError("the frames cannot be divided")
    return best


def _counts(
    source: Sequence[Member],
    target: Sequence[Member],
    options: Split,
    listed: Mapping[str, Part] | None,
) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for row in split_materials(source, target, options, 0, listed):
        key = (row.level, row.part)
        counts[key] = counts.get(key, 0) + 1
    return counts


def sizes_for(n_train: int, *, has_gpu: bool = False) -> list[int]:
    """0, and three to five sizes up to the number of training frames, evenly on a logarithmic axis
    over two decades at most."""
    largest = min(n_train, _LARGEST_ON_GPU if has_gpu else _LARGEST_ON_CPU)
    if largest < n_train or largest > 100:
        largest = _rounded(largest, down=True)
    smallest = min(max(4, largest // 100), largest)
    if smallest >= 8:
        smallest = _rounded(smallest)
    number = min(5, max(3, round(2 * math.log10(max(largest / smallest, 1))) + 1))
    steps = [smallest * (largest / smallest) ** (k / (number - 1)) for k in range(number)]
    between = [_rounded(step) for step in steps[1:-1]]
    return sorted({0, smallest, largest, *(size for size in between if size < largest)})


def _rounded(value: float, *, down: bool = False) -> int:
    """To two digits."""
    if value < 10:
        return max(1, int(value) if down else round(value))
    unit = 10 ** (math.floor(math.log10(value)) - 1)
    return (math.floor if down else round)(value / unit) * unit


def has_gpu() -> bool:
    """Whether this machine has a GPU of NVIDIA's, without loading what would use it."""
    return Path("/dev/nvidia0").exists()


SMALL = {
    "atom_fea_dim": 32,
    "bond_fea_dim": 32,
    "angle_fea_dim": 32,
    "atom_conv_hidden_dim": 32,
    "bond_conv_hidden_dim": 32,
    "mlp_hidden_dims": [32, 32],
    "n_conv": 2,
    "num_radial": 15,
    "num_angular": 15,
    "atom_graph_cutoff": 5.0,
    "bond_graph_cutoff": 3.0,
}
FULL = {
    "atom_fea_dim": 64,
    "bond_fea_dim": 64,
    "angle_fea_dim": 64,
    "atom_conv_hidden_dim": 64,
    "bond_conv_hidden_dim": 64,
    "mlp_hidden_dims": [64, 64, 64],
    "n_conv": 4,
    "num_radial": 31,
    "num_angular": 31,
    "atom_graph_cutoff": 6.0,
    "bond_graph_cutoff": 3.0,
}


@dataclass
class Plan:
    """Network, trainings, sizes and methods of a proposal."""

    architecture: dict[str, object] | None
    why_architecture: str
    pretraining: dict[str, object]
    fine_tuning: dict[str, object]
    sizes: list[int]
    seeds: list[int]
    methods: dict[str, dict[str, object]]
    copied: dict[str, str] = field(default_factory=dict)
    """Elements that are new to the source, each with the one that its embedding starts from."""


def plan_for(
    *,
    published: str | None,
    n_source: int,
    n_target: int,
    mean_atoms: tuple[float, float],
    source_elements: Sequence[str],
    target_elements: Sequence[str],
    labelled: tuple[Collection[str], Collection[str]] = (LABELS, LABELS),
    gpu: bool,
) -> Plan:
    """Propose what fits frames and machine.

    Args:
        published: the published model to start from; None pretrains on the source.
        n_source, n_target: frames of the training parts.
        mean_atoms: of a frame of the source and of the target.
        source_elements, target_elements: symbols in the frames.
        labelled: labels that any frame of the source and of the target has.
        gpu: whether there is a GPU.
    """
    full = gpu and n_source >= _MANY_FRAMES
    why = (
        "CHGNet's own size"
        if full
        else f"small, {'for few frames' if gpu else 'as there is no GPU here'}; CHGNet's own has 64"
    )
    batches = [_batch(atoms, gpu) for atoms in mean_atoms]
    rate = 1e-3 if full or published else 3e-3
    updates = 20_000 if full else 3000
    copied = {}
    if published is None:
        known = set(source_elements)
        copied = {new: nearest(new, known) for new in target_elements if new not in known}
    sizes = sizes_for(n_target, has_gpu=gpu)
    return Plan(
        architecture=None if published else dict(FULL if full else SMALL),
        why_architecture=why,
        pretraining=(
            {"initial": published, "training": None}
            if published
            else {
                "initial": "random",
                "training": {
                    "updates": updates,
                    "epochs": 100,
                    "batch_size": batches[0],
                    "learning_rate": rate,
                    **_weights(labelled[0]),
                },
            }
        ),
        fine_tuning={
            "updates": 4000 if full else 1000,
            "epochs": 100,
            "batch_size": batches[1],
            "learning_rate": rate if full or published else 2e-3,
            **_weights(labelled[1]),
        },
        sizes=sizes,
        seeds=[0, 1, 2],
        methods=_methods(sizes, len(target_elements), copied),
        copied=copied,
    )


def _weights(labels: Collection[str]) -> dict[str, dict[str, int]]:
    """A weight of 0 for forces or stresses that no frame has: it would do nothing."""
    names = {"forces": "force", "stress": "stress"}
    missing = {name: 0 for label, name in names.items() if label not in labels}
    return {"weights": missing} if missing else {}


def _batch(mean_atoms: float, gpu: bool) -> int:
    room = _ATOMS_IN_A_BATCH * (8 if gpu else 1)
    return int(min(16, max(2, 2 ** round(math.log2(max(room / max(mean_atoms, 1), 1))))))


def _methods(
    sizes: Sequence[int], n_elements: int, copied: Mapping[str, str]
) -> dict[str, dict[str, object]]:
    # One element's reference is determined by any frame; those of several are not by a few.
    alone = n_elements == 1
    transfer: dict[str, object] = {
        "initial": "pretrained",
        "reference": "residual" if alone else "shrunken_residual",
        "reference_fitted_on": "subset",
    }
    methods: dict[str, dict[str, object]] = {
        "scratch": {
            "initial": "random",
            "reference": "target" if alone else "shrunken",
            "reference_fitted_on": "subset",
        }
    }
    if copied:
        transfer["copy_embedding"] = dict(copied)
    methods["target_reference"] = transfer
    if not copied:
        ends = [0, sizes[-1]] if sizes[-1] else [0]
        methods["frozen_reference"] = {
            "initial": "pretrained",
            "reference": "source",
            "sizes": ends,
        }
    return methods


_GROUPS = (
    "H Li Na K Rb Cs Fr|Be Mg Ca Sr Ba Ra|Sc Y La Ac|Ti Zr Hf|V Nb Ta|Cr Mo W|Mn Tc Re|Fe Ru Os|"
    "Co Rh Ir|Ni Pd Pt|Cu Ag Au|Zn Cd Hg|B Al Ga In Tl|C Si Ge Sn Pb|N P As Sb Bi|O S Se Te Po|"
    "F Cl Br I At|He Ne Ar Kr Xe Rn|"
    "La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Sc Y|Ac Th Pa U Np Pu Ce Pr Nd"
)


def nearest(element: str, known: set[str]) -> str:
    """The element among ``known`` that is likest: of the same group and the nearest period, else
    of the nearest nuclear charge."""
    z = ATOMIC_NUMBERS[element]
    for group in (text.split() for text in _GROUPS.split("|")):
        if element in group and (alike := known & set(group)):
            place = group.index(element)
            return min(alike, key=lambda s: (abs(group.index(s) - place), ATOMIC_NUMBERS[s]))
    return min(known, key=lambda s: (abs(ATOMIC_NUMBERS[s] - z), s))
