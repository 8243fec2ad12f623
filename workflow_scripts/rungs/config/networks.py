"""The networks of a study: one, or one for each of its models."""

from functools import cached_property
from typing import Any

from pydantic import model_validator

from rungs.config.architectures import GROUPS, OWN_FILES, CHGNetArchitecture
from rungs.config.models import Network, spread_over_models
from rungs.config.sections import Sections


class Networks(Sections):
    """The sections of a study, and which network each method uses."""

    @model_validator(mode="before")
    @classmethod
    def _one_method_for_each_model(cls, values: Any) -> Any:
        return spread_over_models(values)

    @model_validator(mode="after")
    def _models_are_given_once(self) -> "Networks":
        if self.models and self.architecture is not None:
            raise ValueError(
                "architecture and models are both there, and with models each has its own: move "
                "architecture to models.NAME.architecture, for instance\n"
                "models:\n  small:\n    architecture: {kind: chgnet, atom_fea_dim: 16}\n"
                "  other:\n    architecture: {kind: mace, num_channels: 16}"
            )
        for name, method in self.methods.items():
            if method.model is not None and method.model not in self.models:
                there = ", ".join(self.models) or "none: the study has no section models"
                raise ValueError(f"methods.{name}.model is {method.model}; there is {there}")
        return self

    @model_validator(mode="after")
    def _architecture_has_one_source(self) -> "Networks":
        for network in self.networks:
            initial, key = network.pretraining.initial, network.key
            if initial == "random":
                if network.architecture is None:
                    raise ValueError(
                        f"{key}pretraining.initial: random needs the section {key}architecture"
                    )
                if network.pretraining.training is None:
                    raise ValueError(
                        f"{key}pretraining.initial: random needs {key}pretraining.training"
                    )
            elif network.architecture is not None:
                raise ValueError(
                    f"{key}architecture is that of {key}pretraining.initial ({initial}); remove "
                    "the section"
                )
        return self

    @model_validator(mode="after")
    def _layers_are_those_of_the_network(self) -> "Networks":
        for name, method in self.methods.items():
            kind = self.network_of(name).kind
            asked = {"freeze": method.freeze}
            if method.adapters is not None:
                asked["adapters.layers"] = method.adapters.layers
            for key, layers in asked.items():
                unknown = [x for x in layers if kind and x not in GROUPS[kind]]
                if not unknown:
                    continue
                raise ValueError(
                    f"methods.{name}.{key} has {unknown[0]}, which a network of kind {kind} does "
                    f"not have; it has {', '.join(GROUPS[kind])}"
                )
        return self

    @model_validator(mode="after")
    def _vacuum_is_wider_than_the_cutoff(self) -> "Networks":
        # that of the published models, the largest of them, where no architecture is given
        cutoff = max((n.architecture or CHGNetArchitecture()).cutoffs[0] for n in self.networks)
        for name, level in (("source", self.source), ("target", self.target)):
            if level.vacuum is not None and level.vacuum <= cutoff:
                raise ValueError(
                    f"{name}.vacuum is {level.vacuum:g} Å, within the network's cutoff of "
                    f"{cutoff:g} Å, so that molecules would feel their images; raise it, to 20.0 "
                    "for instance"
                )
        return self

    @model_validator(mode="after")
    def _pretraining_can_be_smaller(self) -> "Networks":
        for name, method in self.methods.items():
            if method.pretraining_size and self.network_of(name).pretraining.training is None:
                raise ValueError(
                    f"methods.{name}.pretraining_size needs pretraining.training: a model that "
                    "is taken as it is has seen what it has seen"
                )
        return self

    @cached_property
    def networks(self) -> list[Network]:
        """Of all models in their order; of a study without any, its only one."""
        if not self.models:
            return [Network(None, self.architecture, self.pretraining)]
        return [
            Network(name, model.architecture, model.pretraining or self.pretraining, model.training)
            for name, model in self.models.items()
        ]

    def network_of(self, method: str) -> Network:
        """Return the network that a method's runs have."""
        name = self.methods[method].model
        return next(n for n in self.networks if name is None or n.name == name)

    @property
    def exported(self) -> list[str]:
        """Methods whose models the architecture's own package cannot read as the study has them."""
        return [
            name
            for name, method in self.methods.items()
            if method.delta or self.network_of(name).kind in OWN_FILES
        ]

    @property
    def judged_by_its_own_kind(self) -> str | None:
        """A sentence where networks of several kinds are compared on labels that one of them made;
        None otherwise."""
        kinds = {network.kind for network in self.networks}
        if len(kinds) < 2 or "crystals" not in {self.source.data.kind, self.target.data.kind}:
            return None
        return (
            "The labels are predictions of a published CHGNet, which favours networks of its kind: "
            "this study does not rank CHGNet against others"
        )

    def strategy(self, method: str) -> str:
        """Return what a method is called apart from its model."""
        return method.removesuffix(f"_{self.methods[method].model}")

    @property
    def size_families(self) -> dict[tuple[str, str], list[str]]:
        """Methods whose models differ in their size only, two or more of them, by kind of network
        and strategy."""
        families: dict[tuple, list[str]] = {}
        for name in self.methods:
            network = self.network_of(name)
            if network.name and network.architecture is not None:
                # What is seen of the surroundings is no size.
                alike = network.kind, network.architecture.cutoffs, self.strategy(name)
                families.setdefault(alike, []).append(name)
        return {
            (kind, strategy): names
            for (kind, _, strategy), names in families.items()
            if len(names) > 1
        }

    @cached_property
    def _graph_sets(self) -> dict[str | None, str]:
        """Of each network, by name, the suffix of its graphs' files."""
        by_cutoffs: dict[object, str] = {}
        for network in self.networks:
            of = network.architecture.cutoffs if network.architecture else network.name
            by_cutoffs.setdefault(of, network.suffix)
        if len(by_cutoffs) == 1:
            by_cutoffs = dict.fromkeys(by_cutoffs, "")
        return {
            n.name: by_cutoffs[n.architecture.cutoffs if n.architecture else n.name]
            for n in self.networks
        }

    def graphs_of(self, method: str, level: str = "target") -> str:
        """Return the name of the graphs that a method's network works on; networks with the same
        cutoffs share them."""
        return self.graphs_of_network(self.network_of(method), level)

    def graphs_of_network(self, network: Network, level: str) -> str:
        """Return the name of the graphs that a network works on."""
        return level + self._graph_sets[network.name]

    @property
    def graph_sets(self) -> dict[str, Network]:
        """Suffixes of all files of graphs, each with a network that they are made for."""
        sets: dict[str, Network] = {}
        for network in self.networks:
            sets.setdefault(self._graph_sets[network.name], network)
        return sets

    @property
    def main_graphs(self) -> str:
        """The suffix of those graphs that are read for their labels alone."""
        return next(iter(self.graph_sets))

    def pretraining_of(self, method: str) -> str:
        """Return the name of the pretraining that a method starts from, its folder's too."""
        size = self.methods[method].pretraining_size
        whole = f"pretrained{self.network_of(method).suffix}"
        return whole if size is None else f"{whole}_{size}"

    @cached_property
    def pretrainings(self) -> dict[str, tuple[Network, int | None]]:
        """Every pretraining by name: whose, and on how many of the source's frames (None: on all);
        for each network the one on all of them, whether or not a method asks for it."""
        found = {f"pretrained{network.suffix}": (network, None) for network in self.networks}
        for name, method in self.methods.items():
            own = self.network_of(name), method.pretraining_size
            found.setdefault(self.pretraining_of(name), own)
        return found

    @property
    def main_pretraining(self) -> str:
        """That of the first network on all frames, whose residuals references are compared on."""
        return next(iter(self.pretrainings))
