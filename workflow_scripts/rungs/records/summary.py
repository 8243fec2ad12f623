"""``summary.json``: a study's question, answer and numbers, for programs.

Its JSON schema is generated from the models here; ``rungs schema summary`` prints it.
"""

import csv
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from rungs.config.methods import Reference
from rungs.config.options import Options
from rungs.config.study import Study
from rungs.errors import StudyError
from rungs.files import write_text
from rungs.frames.frame import LABELS
from rungs.records.recipe_words import recipe_words
from rungs.scaling.answers.checks import CheckRow
from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.joint_law_table import JointRow
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.means import MeanRow
from rungs.scaling.answers.plan import Answer
from rungs.scaling.answers.sentences import pretraining_answer
from rungs.scaling.answers.strategies import StrategyRow, strategy_sentences
from rungs.splits.summary import PartSummary
from rungs.workflow.revision import versions

Row = TypeVar("Row")
PACKAGES = ("rungs", "torch", "chgnet", "numpy", "scipy", "pymatgen", "snakemake")

for _row in (MeanRow, LawRow, EfficiencyRow, Answer, CheckRow, JointRow, StrategyRow):
    # The docstrings of their fields are the schema's descriptions; the library knows no pydantic.
    _row.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)


class LevelSummary(Options):
    """One level of theory."""

    label: str
    functional: str
    kind: str
    """Where the frames come from: the kind of source. `crystals` are labelled by a published
    model and not by DFT."""
    frames: int
    training_frames: int | None = None
    """Those that train; the source's pretrain, the target's are what subsets are drawn from."""
    labelled: dict[str, int]
    """How many of the frames have each label."""


class MethodSummary(Options):
    """One method of transfer."""

    name: str
    initial: Literal["random", "pretrained"]
    reference: Reference
    reference_fitted_on: Literal["training", "subset"]
    train_reference: bool


class Summary(Options):
    """What a study found. Errors are in the unit that ends the metric's name; sizes are numbers of
    target training frames; intervals are of 90 %, from the scatter between seeds and, where the key
    ends in ``_with_materials``, between test materials too; null where they cannot be had."""

    schema_version: Literal[1]
    """Rises when a key changes its meaning or goes."""
    study: str
    title: str
    question: str
    answer: list[str]
    """Two sentences, or two for each of several models; two more where ways of using both levels
    are compared."""
    source: LevelSummary
    target: LevelSummary
    seeds: list[int]
    sizes: list[int]
    methods: list[MethodSummary]
    baseline: str | None
    """The method that the others are compared with: the first that starts from random weights."""
    points: list[MeanRow]
    """Mean, lowest and highest error at every size."""
    laws: list[LawRow]
    checks: list[CheckRow]
    efficiency: list[EfficiencyRow]
    plan: list[Answer]
    joint_laws: list[JointRow]
    """Empty unless methods differ in the size of their pretraining only."""
    strategies: list[StrategyRow] = []
    """Empty unless methods are ways of using both levels."""
    configuration_digest: str
    """SHA-256 of the configuration, defaults filled in, as JSON with sorted keys."""
    versions: dict[str, str]
    """Of Python and of the packages that wrote this file."""


def read_table(path: str | os.PathLike, row: type[Row]) -> list[Row]:
    """Read a CSV table that was written from rows of the class ``row``; empty fields are None.

    Raises:
        StudyError: when the file is missing or holds other columns.
    """
    adapter = TypeAdapter(row)
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            return [
                adapter.validate_python({k: v for k, v in line.items() if v != ""})
                for line in csv.DictReader(handle)
            ]
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StudyError(f"{path}: {where}: {first['msg']}; delete it and run again") from None


def summarize(
    study: Study,
    *,
    points: Iterable[MeanRow],
    laws: Iterable[LawRow],
    checks: Iterable[CheckRow],
    efficiency: Iterable[EfficiencyRow],
    plan: Iterable[Answer],
    joint_laws: Iterable[JointRow] = (),
    strategies: Iterable[StrategyRow] = (),
    parts: Sequence[PartSummary],
) -> Summary:
    """Put a study's numbers and the answer generated from them together."""
    points, laws, efficiency = list(points), list(laws), list(efficiency)
    strategies = list(strategies)
    return Summary(
        schema_version=1,
        study=study.study,
        title=study.title,
        question=question(study),
        answer=answer(study, points, laws, efficiency, strategies),
        source=_level(study.source, [part for part in parts if part.level == "source"]),
        target=_level(study.target, [part for part in parts if part.level == "target"]),
        seeds=study.subsets.seeds,
        sizes=study.subsets.sizes,
        methods=[
            MethodSummary(
                name=name,
                **{
                    key: getattr(method, key) for key in MethodSummary.model_fields if key != "name"
                },
            )
            for name, method in study.methods.items()
        ],
        baseline=study.baseline,
        points=points,
        laws=laws,
        checks=list(checks),
        efficiency=efficiency,
        plan=list(plan),
        joint_laws=list(joint_laws),
        strategies=strategies,
        configuration_digest=digest(study.model_dump(mode="json")),
        versions={"python": platform.python_version(), **versions(PACKAGES)},
    )


def question(study: Study) -> str:
    """Return the question that a study asks."""
    return f"How many {study.target.label} frames does pretraining on {study.source.label} save?"


def answer(
    study: Study,
    points: Iterable[MeanRow],
    laws: Iterable[LawRow],
    efficiency: Iterable[EfficiencyRow],
    strategies: Iterable[StrategyRow] = (),
    quote: str = "",
) -> list[str]:
    """Return the two sentences of :func:`rungs.scaling.answers.sentences.pretraining_answer`, the
    second with what is to be known of the methods' recipes, of several models two for each; and
    those on ways of using both levels, where some are compared."""
    points, laws, efficiency = list(points), list(laws), list(efficiency)
    sentences = []
    for network in study.networks:
        own = [name for name in study.methods if study.network_of(name).name == network.name]
        pretrained = [name for name in own if study.methods[name].initial == "pretrained"]
        found = pretraining_answer(
            [row for row in points if row.method in own],
            laws,
            efficiency,
            pretrained=pretrained,
            baseline=next((study.baselines[name] for name in own if name in study.baselines), None),
            target=study.target.label,
            fitted_on_all=[
                name
                for name in pretrained
                if study.methods[name].reference != "source"
                and study.methods[name].reference_fitted_on == "training"
            ],
            quote=quote,
        )
        sentences += [f"{network.name}: {x}" for x in found] if network.name else found
    last = sentences[-1].removesuffix(".")
    sentences[-1] = f"{last}; {recipe_words(study)}."
    levels = {"source": study.source.label, "target": study.target.label}
    return sentences + strategy_sentences(strategies, **levels, quote=quote)


def digest(configuration: Mapping[str, object]) -> str:
    """Return the SHA-256 of a configuration."""
    text = json.dumps(configuration, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_summary(path: str | os.PathLike, summary: Summary) -> None:
    """Write ``summary.json``; NaN and infinities are refused, not written."""
    values = summary.model_dump(mode="python")
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def schema_text() -> str:
    """Return the schema, generated from the models, as indented JSON."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= Summary.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _level(level: object, parts: Sequence[PartSummary]) -> LevelSummary:
    return LevelSummary(
        label=level.label,
        functional=level.functional,
        kind=level.data.kind,
        frames=sum(part.frames for part in parts),
        training_frames=sum(part.frames for part in parts if part.part == "train"),
        labelled={label: sum(part.labelled[label] for part in parts) for label in LABELS},
    )
