"""Recipes of training: what a method has of its own, and what is searched for the best."""

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from rungs.config.options import (
    Fraction,
    Name,
    NonNegativeFloat,
    Options,
    PositiveFloat,
    PositiveInt,
    Seed,
)
from rungs.config.training import RateFactors, Training


class TrainingChanges(Training):
    """Keys of a training that are given; all others stay what they are in `fine_tuning`."""

    @model_validator(mode="after")
    def _has_a_budget(self) -> "TrainingChanges":
        return self  # that of `fine_tuning`, where none is given

    @model_serializer(mode="wrap")
    def _given_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _given(self, handler(self))

    def of(self, training: Training) -> Training:
        """Return ``training`` with these changes.

        Raises:
            pydantic.ValidationError: where the two do not go together.
        """
        return Training.model_validate(_merged(training.model_dump(), self.model_dump()))


def _given(options: Options, values: dict[str, Any]) -> dict[str, Any]:
    given = {}
    for key, value in values.items():
        if key in options.model_fields_set:
            section = getattr(options, key)
            given[key] = _given(section, value) if isinstance(section, Options) else value
    return given


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, change in changes.items():
        # Factors belong together: those that are not given are 1, whatever they were.
        is_part = isinstance(change, dict) and key != "learning_rate_factors"
        merged[key] = _merged(values[key], change) if is_part else change
    return merged


def _distinct(values: list) -> list:
    if any(value in values[:i] for i, value in enumerate(values)):
        raise ValueError(f"{values} has a value twice")
    return values


def _values(kind: Any) -> Any:
    return Annotated[list[kind], Field(min_length=1), AfterValidator(_distinct)]


class Search(Options):
    """Keys of a training with the values to try; every combination of them is one trial for each
    method, size and seed."""

    learning_rate: _values(PositiveFloat)
    """At least a decade in steps of about a factor of 3, as 3.0e-4, 1.0e-3, 3.0e-3."""
    learning_rate_factors: _values(RateFactors) | None = None
    """Which parts of the network learn slower; `{}` is all alike."""
    references_first: _values(Fraction) | None = None
    """Tried for methods with `train_reference` only."""
    weight_decay: _values(NonNegativeFloat) | None = None
    """0 among them asks whether any is of use."""
    warmup: _values(Fraction) | None = None
    """Share of the updates."""
    updates: _values(PositiveInt) | None = None
    """Budgets: an error against another budget."""
    epochs: _values(PositiveFloat) | None = None
    """Budgets of small subsets."""
    batch_size: _values(PositiveInt) | None = None
    """Frames in an update; a budget in updates then is another number of frames."""

    def axes(self, trains_references: bool) -> dict[str, list]:
        """Return the keys that are searched, in the order of the sections, with their values."""
        found = {key: getattr(self, key) for key in type(self).model_fields}
        if not trains_references:
            found["references_first"] = None
        return {key: values for key, values in found.items() if values is not None}

    def recipes(self, trains_references: bool) -> Iterator[TrainingChanges]:
        """Yield every combination."""
        axes = self.axes(trains_references)
        for values in itertools.product(*axes.values()):
            yield TrainingChanges(**dict(zip(axes, values, strict=True)))


class Tuning(Options):
    """A search for each method's recipe, by trainings of its own that are judged on validation
    frames alone. Test frames take no part. Between the sizes that are searched a run takes the
    choice of the nearest, in the logarithm of the size."""

    search: Search
    sizes: Annotated[list[PositiveInt], Field(min_length=1), AfterValidator(_distinct)]
    """Subset sizes to search at, of those in `subsets.sizes`."""
    seeds: Annotated[list[Seed], Field(min_length=1), AfterValidator(_distinct)] | None = None
    """Seeds to search with, of those in `subsets.seeds`; null takes the first. With several, errors
    are averaged over them."""
    methods: Annotated[list[Name], Field(min_length=1), AfterValidator(_distinct)] | None = None
    """Methods to search for; null takes all that are trained. The others have the recipe of
    `fine_tuning` and their own `training`."""


class Trial(NamedTuple):
    """One training of the search."""

    method: str
    size: int
    seed: int
    recipe: str
    """Its name, as in ``learning_rate-0.003``."""


def recipe_name(changes: TrainingChanges) -> str:
    """Return a name for files, which tells what is changed."""
    return "_".join(f"{key}-{value_words(getattr(changes, key))}" for key in _ordered(changes))


def value_words(value: float | RateFactors) -> str:
    """Return the value of a searched key in few characters."""
    if isinstance(value, RateFactors):
        factors = value.model_dump().items()
        return "-".join(f"{part}{factor:g}" for part, factor in factors if factor != 1) or "1"
    return f"{value:g}"


def _ordered(changes: TrainingChanges) -> list[str]:
    return [key for key in Search.model_fields if key in changes.model_fields_set]


def nearest_size(size: int, searched: list[int]) -> int:
    """Return the searched size that is nearest in the logarithm, the smaller of two."""
    return min(sorted(searched), key=lambda n: abs(math.log(n / size)))
