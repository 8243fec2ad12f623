"""Which extras of this package a study needs, by what its configuration asks for."""

from rungs.config.architectures import EXTRAS
from rungs.config.study import Study


def extras_of(study: Study) -> dict[str, str]:
    """Return the extras that a study needs, each with the line that asks for it.

    A study of built-in crystals or of files, with the methods that are the defaults, needs none.
    """
    needed = {}
    for name, level in (("source", study.source), ("target", study.target)):
        if level.data.kind == "mp_api":
            needed.setdefault("materials-project", f"{name}.data.kind: mp_api")
    if study.subsets.sampling == "diverse":
        needed["diverse"] = "subsets.sampling: diverse"
    elif names := [name for name in study.methods if study.sampling(name) == "diverse"]:
        needed["diverse"] = f"methods.{names[0]}.sampling: diverse"
    for network in study.networks:
        if extra := EXTRAS.get(network.kind):
            own = network.architecture is not None
            key = (
                f"architecture.kind: {network.kind}" if own else "pretraining.initial: its own file"
            )
            needed.setdefault(extra, network.key + key)
    if study.properties and study.properties.static:
        needed["properties"] = f"properties.calculate: {study.properties.static[0]}"
    if study.tracking.tensorboard:
        needed["tensorboard"] = "tracking.tensorboard: true"
    return needed
