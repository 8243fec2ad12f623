"""Models as an axis of a study: networks of several kinds or sizes, for the same methods."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rungs.config.architectures import AnyArchitecture
from rungs.config.options import Options
from rungs.config.training import Pretraining
from rungs.config.tuning import TrainingChanges


class Model(Options):
    """One network of a study that compares several: its kind and size, and what is its own of how
    it is trained. Methods that name no model are run with each."""

    architecture: AnyArchitecture | None = None
    """Needed where its pretraining starts from `random`; otherwise the file's or the published
    model's."""
    pretraining: Pretraining | None = None
    """Its own; null takes the study's section `pretraining`."""
    training: TrainingChanges | None = None
    """Keys of `fine_tuning` that are others for this model, e.g. `{learning_rate: 1.0e-2}`; what
    a method changes comes on top."""


class Network(NamedTuple):
    """What a method's runs start from: one of the models, or the only network of a study."""

    name: str | None
    """Of the model; None in a study without the section `models`."""
    architecture: AnyArchitecture | None
    """Of random weights; None where a published network or a file is the start."""
    pretraining: Pretraining
    training: TrainingChanges | None = None
    """What is changed of `fine_tuning`."""

    @property
    def key(self) -> str:
        """Where it is in the configuration, in words: `models.NAME.` or nothing."""
        return f"models.{self.name}." if self.name else ""

    @property
    def suffix(self) -> str:
        """Of folders that are the network's own."""
        return f"-{self.name}" if self.name else ""

    @property
    def kind(self) -> str | None:
        """Kind of its architecture, where the configuration says so."""
        if self.architecture is not None:
            return self.architecture.kind
        if self.pretraining.is_published:
            return "chgnet"
        return "mace" if self.pretraining.is_pickle else None


def spread_over_models(values: Any) -> Any:
    """Return a study's values with one method for each of its models.

    A method that names several models, or none in a study with several, stands for one method with
    each, of the name METHOD_MODEL.

    Args:
        values: of a whole study, unchecked: what is not as it should be is left as it is.
    """
    if not isinstance(values, Mapping):
        return values
    models, methods = values.get("models"), values.get("methods")
    if not isinstance(methods, Mapping):
        return values
    if not models:
        _refuse_lists(methods)
    if not isinstance(models, Mapping) or not models:
        return values
    spread: dict[str, Any] = {}
    for name, method in methods.items():
        asked = method.get("model") if isinstance(method, Mapping) else ""
        chosen = list(models) if asked is None else asked
        if isinstance(chosen, list) and (len(chosen) > 1 or asked is None):
            several = len(chosen) > 1
            for model in chosen:
                own = f"{name}_{model}" if several else name
                if own in methods and own != name:
                    raise ValueError(
                        f"methods.{name} with the model {model} would be called {own}, as another "
                        "method is; rename one"
                    )
                spread[own] = {**method, "model": model}
        elif isinstance(chosen, list) and len(chosen) == 1:
            spread[name] = {**method, "model": chosen[0]}
        else:
            spread[name] = method
    return {**values, "methods": spread}


def _refuse_lists(methods: Mapping[str, Any]) -> None:
    """Raise ValueError for a method that names several models in a study without any."""
    for name, method in methods.items():
        asked = method.get("model") if isinstance(method, Mapping) else None
        if isinstance(asked, list):
            raise ValueError(
                f"methods.{name}.model is {', '.join(map(str, asked))}; there is none: the study "
                "has no section models"
            )
