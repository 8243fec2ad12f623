"""What a study will take, by a model of the cost: nothing is measured, so within a factor of about
three. ``make estimate`` measures on the machine at hand, once graphs are built.

The time of an update goes with what messages pass through,

    t = k · n_conv · width · n_atoms · (bonds + angles an atom),

with k from the two networks timed in docs/benchmark.md (compiled, one core of an Intel Xeon). Of a
MACE it goes with the edges, each with a part of its own and one that grows with the features
(updates on frames of 60 silicon atoms, five sizes of networks, one core of an AMD EPYC).
"""

import math
from dataclasses import dataclass

from rungs.config.architectures import AnyArchitecture, CHGNetArchitecture
from rungs.config.study import Study
from rungs.config.training import Training

PER_MESSAGE = 1.2e-7
"""k, in seconds."""
PER_EDGE, PER_COMPONENT = 3.6e-6, 3.3e-8
"""Of a MACE, in seconds."""
_PREDICTION = 0.3
"""Time of a prediction over that of an update on the same frame."""
_START_SECONDS = 4.0
_BYTES_PER_ROW = 900
"""Memory of a bond or angle in an update, for each feature's 64 of width, all layers together."""
_BASE_MB = 450
_GRAPH_BYTES = 24
"""On disk, of a bond or an angle."""


@dataclass(frozen=True)
class Content:
    """What a level's frames are like."""

    n_atoms: int
    """In all frames together."""
    n_frames: int
    largest: int
    """Atoms of the largest frame."""
    volume: float
    """Of all frames together, in Å³."""

    @property
    def density(self) -> float:
        """Atoms in Å³."""
        return self.n_atoms / self.volume if self.volume else 0.05

    @property
    def mean_atoms(self) -> float:
        """Atoms of a frame."""
        return self.n_atoms / max(1, self.n_frames)


@dataclass(frozen=True)
class Cost:
    """Of a whole study."""

    core_hours: float
    memory_mb: float
    """Of the largest job."""
    disk_mb: float


def neighbours(cutoff: float, density: float) -> float:
    """Of an atom within a cutoff in Å, as of a uniform density in Å⁻³."""
    return 4 / 3 * math.pi * cutoff**3 * density


def rows_per_atom(architecture: AnyArchitecture, density: float) -> float:
    """Bonds, each in both directions, and angles of an atom."""
    bonds, angles = architecture.cutoffs
    near = neighbours(angles, density)
    return neighbours(bonds, density) + near * max(near - 1, 0)


def seconds_per_frame(architecture: AnyArchitecture, content: Content) -> float:
    """Of an update, for each frame in it, on one core."""
    rows = content.mean_atoms * rows_per_atom(architecture, content.density)
    if architecture.kind == "mace":
        width = architecture.num_channels * (architecture.max_ell + 1) ** 2
        width *= (1 + architecture.max_L) * (1.4 if architecture.correlation > 2 else 1)
        return rows * architecture.num_interactions * (PER_EDGE + PER_COMPONENT * width)
    return PER_MESSAGE * architecture.n_conv * _width(architecture) * rows


def _width(architecture: AnyArchitecture) -> float:
    if architecture.kind == "mace":
        return architecture.num_channels * (architecture.max_ell + 1)
    return (architecture.atom_fea_dim + architecture.bond_fea_dim) / 2


def cost_of(
    study: Study, source: Content | None, target: Content, parts: dict[tuple[str, str], int]
) -> Cost:
    """The cost of a study.

    Args:
        study: the study.
        source, target: what its levels' frames are like; None for one that was not read.
        parts: number of frames of each level and part.
    """
    n_validation = parts.get(("target", "validation"), 0)
    seconds, memory, disk = len(study.points) * _START_SECONDS, 0.0, 0.0
    content = max((c for c in (source, target) if c is not None), key=lambda c: c.largest)
    for network in study.networks:
        architecture = network.architecture or CHGNetArchitecture()
        own = {n: m for n, m in study.methods.items() if study.network_of(n).name == network.name}
        target_frame = seconds_per_frame(architecture, target)
        trainings = [study.training_of(*point) for point in study.points if point[0] in own]
        if network.pretraining.training is not None and source is not None:
            options, frame = network.pretraining.training, seconds_per_frame(architecture, source)
            trainings.append(options)
            sizes = {m.pretraining_size for m in own.values() if m.initial == "pretrained"}
            for size in {size or parts.get(("source", "train"), 0) for size in sizes or {None}}:
                seconds += _training(options, size, frame, parts.get(("source", "validation"), 0))
        runs = [run for run in study.runs if run.method in own]
        for run in runs:
            if run.size:
                options = study.training_of(run.method, run.size)
                seconds += _training(options, run.size, target_frame, n_validation)
        for trial in study.trials:
            if trial.method in own:
                changes = study.recipes(trial.method)[trial.recipe]
                options = changes.of(study.training_of(trial.method, trial.size))
                seconds += _training(options, trial.size, target_frame, n_validation)
        tested = parts.get(("target", "test"), 0) * target_frame * _PREDICTION
        seconds += len(runs) * tested
        batch = max((t.batch_size for t in trainings), default=1)
        rows = rows_per_atom(architecture, content.density) * batch
        mean = max(content.mean_atoms, content.largest / batch)
        layers = (
            architecture.num_interactions if architecture.kind == "mace" else architecture.n_conv
        )
        needed = rows * mean * _BYTES_PER_ROW * _width(architecture) / 64 * layers / 1e6
        memory = max(memory, _BASE_MB + needed)
        disk += 4 * _parameters(architecture) / 1e6 * (len(runs) + 1)
    for network in study.graph_sets.values():
        architecture = network.architecture or CHGNetArchitecture()
        disk += 1.5 * sum(
            c.n_atoms * rows_per_atom(architecture, c.density) * _GRAPH_BYTES / 1e6
            for c in (source, target)
            if c is not None
        )
    return Cost(seconds / 3600, memory, disk)


def _training(options: Training, size: int, frame: float, n_validation: int) -> float:
    from rungs.training.schedule import number_of_updates

    updates = number_of_updates(options, size) if size else 0
    batch = min(size, options.batch_size)
    validating = options.validations * n_validation * frame * _PREDICTION
    return _START_SECONDS + updates * batch * frame + validating


def _parameters(architecture: AnyArchitecture) -> float:
    """About as many as CHGNet's 412,525 at its own size, or as the networks of a MACE have."""
    if architecture.kind == "mace":
        return architecture.num_interactions * (8_500 + 200 * architecture.num_channels)
    share = architecture.n_conv / 4
    return 412_525 * share * (architecture.atom_fea_dim / 64) ** 2


def in_words(cost: Cost) -> str:
    """A line for a person."""
    hours = f"{cost.core_hours:.1f}" if cost.core_hours < 100 else f"{cost.core_hours:.0f}"
    return (
        f"about {hours} core hours, {cost.memory_mb / 1000:.1f} GB of memory for the largest job, "
        f"{cost.disk_mb:.0f} MB of disk (a model of the cost, within a factor of about three; "
        "`make estimate` measures)"
    )
