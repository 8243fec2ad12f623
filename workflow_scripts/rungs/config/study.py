"""A whole study: the one source of truth for the configuration."""

from functools import cached_property
from typing import NamedTuple

from pydantic import model_validator

from rungs.config.methods import RECIPE_KEYS, RULES_OF_RESIDUALS, Method
from rungs.config.networks import Networks
from rungs.config.properties import Properties
from rungs.config.recipes import check_recipes, check_tuning
from rungs.config.simulations import Simulations
from rungs.config.training import Training
from rungs.config.tuning import TrainingChanges, Trial, nearest_size, recipe_name


class Run(NamedTuple):
    """One fine-tuning: which method, on how many target frames, with which seed."""

    method: str
    size: int
    seed: int


class Study(Networks):
    """A scaling-law study of transfer learning between two levels of theory: its sections, that
    they go together, and which runs they ask for."""

    @model_validator(mode="after")
    def _methods_ask_for_what_is_there(self) -> "Study":
        for name, method in self.methods.items():
            for key in ("sizes", "seeds"):
                extra = set(getattr(method, key) or ()) - set(getattr(self.subsets, key))
                if extra:
                    raise ValueError(
                        f"methods.{name}.{key} has {sorted(extra)}, which subsets.{key} lacks"
                    )
            self._check_pool(name, method)
        if not self.runs:
            raise ValueError("no method has a size and a seed to run at")
        return self

    def _check_pool(self, name: str, method: Method) -> None:
        if method.pool is None:
            return
        if method.pool not in self.pools:
            there = ", ".join(self.pools) or "none"
            raise ValueError(
                f"methods.{name}.pool is {method.pool}, which the section pools lacks (there is "
                f"{there})"
            )
        if self.sampling(name) == "diverse":
            raise ValueError(
                f"methods.{name} has a pool, whose frames cannot be drawn with `sampling: "
                "diverse`; take random or element_covering"
            )

    @model_validator(mode="after")
    def _recipes_are_possible(self) -> "Study":
        check_recipes(self)
        check_tuning(self)
        return self

    @model_validator(mode="after")
    def _simulations_of_what_is_there(self) -> "Study":
        if self.simulations:
            unknown = sorted(set(self.simulations.methods or ()) - set(self.methods))
            if unknown:
                raise ValueError(f"simulations.methods has {unknown}, which methods lacks")
            extra = set(self.simulations.sizes or ()) - {size for _, size in self.points}
            if extra:
                raise ValueError(f"simulations.sizes has {sorted(extra)}, which no run has")
            if not self.simulated_points:
                raise ValueError("simulations.methods and simulations.sizes have no run in common")
            if "reference" in self.methods:
                raise ValueError(
                    "methods.reference: in the tables of simulations this name is that of the "
                    "potential that labelled the target; give the method another"
                )
        return self

    @model_validator(mode="after")
    def _properties_of_what_is_there(self) -> "Study":
        asked = self.properties
        if asked is None:
            return self
        if unknown := sorted(set(asked.methods or ()) - set(self.methods)):
            raise ValueError(f"properties.methods has {unknown}, which methods lacks")
        if extra := sorted(set(asked.sizes or ()) - {size for _, size in self.points}):
            raise ValueError(f"properties.sizes has {extra}, which no run has")
        if not self.property_points:
            raise ValueError("properties.methods and properties.sizes have no run in common")
        if self.target.data.kind == "classical_md":
            for key in ("reference_values", "reference_frames"):
                if getattr(asked, key):
                    raise ValueError(
                        f"properties.{key}: the target's own potential is the reference; remove it"
                    )
        if asked.dynamic and self.simulations is None:
            raise ValueError(
                f"properties.calculate: {', '.join(asked.dynamic)} need the section simulations"
            )
        left_out = [point for point in self.property_points if point not in self.simulated_points]
        if asked.dynamic and left_out:
            method, size = left_out[0]
            raise ValueError(
                f"properties: {method} at {size} frames is not simulated; name the same methods "
                "and sizes in simulations and properties"
            )
        return self

    def training_of(self, method: str, size: int) -> Training:
        """Return how a method is fine-tuned on a subset of a size, before any tuning."""
        asked, training = self.methods[method], self.fine_tuning
        own = self.network_of(method).training
        for changes in [*([own] if own else []), *asked.changes(size)]:
            training = changes.of(training)
        if not asked.train_reference and training.references_first:
            # asked for in `fine_tuning`, for those that do
            training = training.model_copy(update={"references_first": 0.0})
        return training

    @property
    def trainings(self) -> list[tuple[str, str, Training]]:
        """Every kind of training with its level and the section that it is in; of those that a
        method changes, those that it gives other weights."""
        found = [("target", "fine_tuning", self.fine_tuning)]
        for network in reversed(self.networks):
            if network.pretraining.training is not None:
                # What several models share is said once.
                own = self.models and self.models[network.name].pretraining
                key = f"{network.key if own else ''}pretraining.training"
                of_source = ("source", key, network.pretraining.training)
                if of_source not in found:
                    found.insert(0, of_source)
        for name, size in self.points:
            training = self.training_of(name, size) if size else self.fine_tuning
            if training.weights != self.fine_tuning.weights:
                found.append(("target", f"methods.{name}.training", training))
        return found

    @property
    def tuned_methods(self) -> list[str]:
        """Methods whose recipe is searched for."""
        if self.tuning is None:
            return []
        trained = {run.method for run in self.runs if run.size}
        return [name for name in self.methods if name in (self.tuning.methods or trained)]

    def recipes(self, method: str) -> dict[str, TrainingChanges]:
        """Return the recipes that are tried for a tuned method, by name."""
        trains_references = self.methods[method].train_reference
        found = self.tuning.search.recipes(trains_references)
        return {recipe_name(changes): changes for changes in found}

    @cached_property
    def trials(self) -> list[Trial]:
        """Every training of the search, by method, size, seed and recipe."""
        if self.tuning is None:
            return []
        seeds = self.tuning.seeds or self.subsets.seeds[:1]
        return [
            Trial(*run, recipe)
            for run in self.runs
            if run.method in self.tuned_methods
            and run.size in self.tuning.sizes
            and run.seed in seeds
            for recipe in self.recipes(run.method)
        ]

    def trials_of(self, method: str, size: int) -> list[Trial]:
        """Return the trials that decide on a method's recipe at a size; none without a search."""
        own = [trial for trial in self.trials if trial.method == method]
        searched = {trial.size for trial in own}
        near = nearest_size(size, sorted(searched)) if size and searched else None
        return [trial for trial in own if trial.size == near]

    @property
    def judged_on_source(self) -> bool:
        """Whether runs are measured on the source's test frames too."""
        asked = self.evaluation.source_test
        trained = all(n.pretraining.training is not None for n in self.networks)
        return trained if asked is None else asked

    def fits_residuals(self, method: str) -> bool:
        """Return whether a method's reference energies are fitted to what the pretrained network
        leaves over, as it was pretrained: copied embeddings make another of it."""
        asked = self.methods[method]
        return asked.reference in RULES_OF_RESIDUALS and not asked.copy_embedding

    def parts_to_predict(self, pretraining: str) -> list[str]:
        """Return the parts of the target that a pretraining's network has to predict whole: for the
        main one, whose references are compared, training and test."""
        if pretraining == self.main_pretraining:
            return ["train", "test"]
        asked = (self.methods[name] for name in self._on_residuals_of(pretraining))
        on_all = any(x.reference_fitted_on == "training" and x.pool is None for x in asked)
        return ["train"] if on_all else []

    def runs_to_predict(self, pretraining: str) -> list[Run]:
        """Return the runs whose subsets a pretraining's network has to predict, where no whole part
        is asked for."""
        if self.parts_to_predict(pretraining):
            return []
        methods = self._on_residuals_of(pretraining)
        return [run for run in self.runs if run.method in methods]

    def _on_residuals_of(self, pretraining: str) -> list[str]:
        return [
            name
            for name in self.methods
            if self.pretraining_of(name) == pretraining and self.fits_residuals(name)
        ]

    @property
    def families(self) -> dict[str, list[str]]:
        """Pretrained methods that differ in their pretraining size only, two or more of them, each
        family under the name of its first."""
        alike: dict[str, list[str]] = {}
        for name, method in self.methods.items():
            if method.initial == "pretrained" and name in self.on_learning_curve:
                apart = {"pretraining_size", "sizes", "seeds", *RECIPE_KEYS}
                alike.setdefault(method.model_dump_json(exclude=apart), []).append(name)
        return {
            names[0]: names
            for names in alike.values()
            if len({self.methods[name].pretraining_size for name in names}) > 1
        }

    @property
    def on_learning_curve(self) -> list[str]:
        """Methods whose subsets are drawn alike, so that their errors make one learning curve: all
        but those with a pool, or all, where every method has one."""
        whole = [name for name, method in self.methods.items() if method.pool is None]
        return whole or list(self.methods)

    @property
    def has_temperatures(self) -> bool:
        """Whether target frames say at which temperature they were made."""
        return getattr(self.target.data, "has_temperatures", False)

    @property
    def simulated_levels(self) -> list[str]:
        """The levels whose frames are made by molecular dynamics: ``source``, ``target``."""
        levels = {"source": self.source, "target": self.target}
        return [name for name, level in levels.items() if level.data.kind == "classical_md"]

    @property
    def target_potential(self) -> tuple | None:
        """Name, element and given parameters of the classical potential that labels the target;
        None where there is none."""
        data = self.target.data
        if data.kind != "classical_md":
            return None
        return data.potential, data.element, data.parameters and data.parameters.model_dump()

    def pool_sizes(self, pool: str) -> list[int]:
        """Return the subset sizes that are drawn from a pool."""
        return sorted({run.size for run in self.runs if self.methods[run.method].pool == pool})

    def drawn_sizes(self, sampling: str, pool: str | None) -> list[int]:
        """Return the subset sizes that are drawn by a strategy, from a pool or the whole part."""
        return sorted(
            {
                run.size
                for run in self.runs
                if (self.sampling(run.method), self.methods[run.method].pool) == (sampling, pool)
            }
        )

    def sampling(self, method: str) -> str:
        """Return the strategy that draws the subsets of a method."""
        return self.methods[method].sampling or self.subsets.sampling

    @property
    def baseline(self) -> str | None:
        """What the other methods are compared with: the first that starts from random weights and
        has runs, which it has on frames only. With several models, that of the first with one."""
        return next(iter(self.baselines.values()), None)

    @property
    def baselines(self) -> dict[str, str]:
        """What each method is compared with: the baseline of its own network, itself included;
        nothing where that has none."""
        trained = {run.method for run in self.runs if self.methods[run.method].initial == "random"}
        first: dict[str | None, str] = {}
        for name in self.on_learning_curve:
            if name in trained:
                first.setdefault(self.network_of(name).name, name)
        of = {name: self.network_of(name).name for name in self.methods}
        return {name: first[network] for name, network in of.items() if network in first}

    @cached_property
    def runs(self) -> list[Run]:
        """Every run of the study, by method, size and seed.

        Size 0 stands for the pretrained model: it exists once, for the method's first seed, and
        not for methods that start from random weights.
        """
        runs = []
        for name, method in self.methods.items():
            seeds = self.subsets.seeds if method.seeds is None else method.seeds
            for size in self.subsets.sizes if method.sizes is None else method.sizes:
                if size > 0:
                    runs += [Run(name, size, seed) for seed in seeds]
                elif method.initial == "pretrained":
                    runs += [Run(name, 0, seed) for seed in seeds[:1]]
        return runs

    @cached_property
    def points(self) -> dict[tuple[str, int], list[int]]:
        """Every method and size, in the order of ``runs``, with the seeds it runs with."""
        points: dict[tuple[str, int], list[int]] = {}
        for run in self.runs:
            points.setdefault((run.method, run.size), []).append(run.seed)
        return points

    @property
    def largest_transfers(self) -> list[Run]:
        """Runs on the most frames that train a pretrained network on them alone; a study may have
        none."""
        size = max(self.subsets.sizes)
        return [
            run
            for run in self.runs
            if run.size == size > 0
            and self.methods[run.method].initial == "pretrained"
            and not self.methods[run.method].has_companion
            and not self.methods[run.method].delta
        ]

    def pseudolabelled(self, pretraining: str) -> int | None:
        """Return how many of the source's training frames methods learn with the labels of a
        pretrained network; None for all of them."""
        asked = [
            method.companion.frames
            for name, method in self.methods.items()
            if method.has_companion
            and method.companion.labels == "model"
            and self.pretraining_of(name) == pretraining
        ]
        return None if None in asked else max(asked, default=0)

    @property
    def simulated_points(self) -> dict[tuple[str, int], list[int]]:
        """Those of ``points`` that are simulated."""
        return self._chosen_points(self.simulations)

    @property
    def property_points(self) -> dict[tuple[str, int], list[int]]:
        """Those of ``points`` whose properties are computed."""
        return self._chosen_points(self.properties)

    def _chosen_points(
        self, section: Simulations | Properties | None
    ) -> dict[tuple[str, int], list[int]]:
        """``points`` with the methods and sizes that a section names; none without the section."""
        return {
            (method, size): seeds
            for (method, size), seeds in self.points.items()
            if section is not None
            and (section.methods is None or method in section.methods)
            and (section.sizes is None or size in section.sizes)
        }

    @property
    def largest_points(self) -> list[tuple[str, int]]:
        """Every method with the largest size that it runs at."""
        largest: dict[str, int] = {}
        for method, size in self.points:
            largest[method] = max(size, largest.get(method, size))
        return list(largest.items())
