"""Which labels the parts of a study have, and whether trainings can do with them."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rungs.config.architectures import MOMENTS
from rungs.config.training import LossWeights
from rungs.errors import StudyError
from rungs.frames.frame import LABELS
from rungs.frames.labels import label_words
from rungs.splits.summary import PartSummary

if TYPE_CHECKING:
    from rungs.config.study import Study

WEIGHTS = dict(zip(LABELS, ("energy", "force", "stress", "magmom"), strict=True))
"""What the loss weight of each label is called."""
_NOUNS = {
    "energy": "energies",
    "forces": "forces",
    "stress": "stresses",
    "magmoms": "magnetic moments",
}


def check_weights(part: PartSummary, weights: LossWeights, section: str) -> Iterator[str]:
    """Say which loss weights do nothing, as no frame has the label.

    Args:
        part: the training part of a level.
        weights: of the training on it.
        section: where the weights stand in the configuration, for messages.

    Raises:
        StudyError: when no frame has an energy, which reference energies are fitted to, or none
            has any label with a weight.
    """
    if not part.n_energy:
        raise StudyError(
            f"none of the {part.level}'s {part.frames} training frames has an energy, which its "
            f"reference energies are fitted to; see what {part.level}.data declares, or give it "
            "frames with energies"
        )
    given = {label: getattr(weights, name) for label, name in WEIGHTS.items()}
    idle = [label for label in LABELS if given[label] > 0 and not part.labelled[label]]
    if not any(part.labelled[label] for label in LABELS if given[label] > 0):
        found = [WEIGHTS[label] for label in LABELS if part.labelled[label]]
        raise StudyError(
            f"{section}.weights: none of the {part.level}'s {part.frames} training frames has a "
            f"label with a weight above 0; raise {' or '.join(found)}"
        )
    for label in idle:
        yield (
            f"{section}.weights.{WEIGHTS[label]} = {given[label]:g} does nothing: no training "
            f"frame of the {part.level} has {_NOUNS[label]}"
        )


def check_moments(parts: Mapping[tuple[str, str], PartSummary], study: "Study") -> None:
    """See that no network is trained on magnetic moments which it cannot predict.

    Args:
        parts: what the parts are like, by level and part.
        study: whose networks and trainings.

    Raises:
        StudyError: naming the weight to set to 0.
    """
    for network in study.networks:
        if network.kind is None or MOMENTS[network.kind]:
            continue
        key = f"{network.key}training" if network.name else "fine_tuning"
        trainings = [
            ("target", key, study.training_of(method, size))
            for method, size in study.points
            if size and study.network_of(method).name == network.name
        ]
        if network.pretraining.training is not None:
            options = network.pretraining.training
            trainings.append(("source", f"{network.key}pretraining.training", options))
        for level, section, options in trainings:
            if options.weights.magmom > 0 and parts[level, "train"].n_magmoms:
                raise StudyError(
                    f"{section}.weights.magmom is {options.weights.magmom:g}, but a "
                    f"{network.kind.upper()} predicts no magnetic moments, which the {level}'s "
                    f"frames have; set it to 0: `{section}: {{weights: {{magmom: 0}}}}`"
                )


def check_subset(
    order: Sequence[str], sizes: Sequence[int], with_energy: Container[str], where: str
) -> None:
    """See that each subset has an energy to learn from and to fit reference energies to.

    Args:
        order: of the frames; subset N is its first N.
        sizes: of the subsets; 0 is none.
        with_energy: contains the ids of the frames that have an energy.
        where: which order this is, in words.

    Raises:
        StudyError: naming the subset in which no frame has an energy.
    """
    for size in sorted(filter(None, sizes)):
        if not any(name in with_energy for name in order[:size]):
            count = sum(name in with_energy for name in order)
            raise StudyError(
                f"subsets.sizes: of the first {size} frames of {where} none has an energy, "
                f"{count} of all {len(order)} have; raise the smallest size, or take frames with "
                "energies only by `target: {filters: {labelled: [energy]}}`"
            )


def label_sentences(
    summaries: Sequence[PartSummary], names: Mapping[str, str], *, published: bool
) -> list[str]:
    """What the frames of both levels are labelled with, and what becomes of what the target's
    training frames lack, in words for the report.

    Args:
        summaries: of all parts of both levels.
        names: of the levels ``source`` and ``target``, in figures and tables.
        published: whether the pretraining starts from a published model.
    """
    of_level = {level: [s for s in summaries if s.level == level] for level in names}
    lines = []
    for level, name in names.items():
        n_frames = sum(s.frames for s in of_level[level])
        counts = {label: sum(s.labelled[label] for s in of_level[level]) for label in LABELS}
        lines.append(f"{name}: {n_frames:,} frames, {label_words(counts, n_frames)}.")
    parts = {(s.level, s.part): s for s in summaries}
    train, test = parts["target", "train"], parts["target", "test"]
    target, known = names["target"], published or parts["source", "train"].n_magmoms
    if not train.n_forces:
        lines.append(f"No {target} training frame has forces: {_of_forces(train, test)}.")
    if not train.n_magmoms and known:
        lines.append(
            f"No {target} training frame has magnetic moments, so fine-tuning does not train them: "
            "that output keeps its pretrained weights (random ones from scratch) while the layers "
            "before it change."
        )
    elif not train.n_magmoms:
        lines.append("Magnetic moments are trained at neither level: what models predict is void.")
    return lines


def _of_forces(train: PartSummary, test: PartSummary) -> str:
    learned = "energies and stresses" if train.n_stress else "energies alone"
    if not test.n_forces:
        return (
            f"models are fine-tuned on {learned}, and what that does to their forces is not "
            "measured, as no test frame has forces"
        )
    share = "all" if test.n_forces == test.frames else f"{test.n_forces:,} of {test.frames:,}"
    return (
        f"models are fine-tuned on {learned}, and the force errors on {share} test frames say what "
        "that does to their forces"
    )
