"""CHGNet models from published weights, from files, and from random numbers; and saving them."""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch

from rungs.config.published import MODELS
from rungs.config.training import Architecture
from rungs.errors import StudyError
from rungs.files import whole_file
from rungs.potentials.chgnet.lean_import import chgnet_model_only
from rungs.potentials.chgnet.references import WEIGHT, portable_weights, take_reference

if TYPE_CHECKING:
    from chgnet.model import CHGNet

PUBLISHED = MODELS
"""Names of the weights that come with the chgnet package."""
_OUTPUT_BIAS = "atom_conv_layers.0.mlp_out.layers.1.bias"


def load_published(name: str, device: torch.device | str = "cpu") -> "CHGNet":
    """Return a CHGNet with published weights.

    Args:
        name: one of ``PUBLISHED``.
        device: where its parameters go.

    Raises:
        StudyError: for another name.
    """
    if name not in PUBLISHED:
        raise StudyError(f"no published CHGNet {name!r}; there are {', '.join(PUBLISHED)}")
    with chgnet_model_only():
        from chgnet.model.model import CHGNet

    with _silence():
        model = CHGNet.load(model_name=name, use_device="cpu", verbose=False)
    return model.to(device)


def load_model(path: str | os.PathLike, device: torch.device | str = "cpu") -> "CHGNet":
    """Return the CHGNet that ``path`` holds: one of Rungs' own, or of chgnet's trainer.

    The file is read without running code from it.

    Raises:
        StudyError: when the file is missing, damaged or no CHGNet.
    """
    with chgnet_model_only():
        from chgnet.model.model import CHGNet

    stored = _read(path)["model"]
    arguments = dict(stored["model_args"])
    if _OUTPUT_BIAS in stored["state_dict"]:
        # The file of version 0.2.0 does not say that its convolutions have an output bias.
        arguments["mlp_out_bias"] = True
    try:
        with _silence():
            model = CHGNet.from_dict({**stored, "model_args": arguments})
    except (RuntimeError, TypeError, ValueError, KeyError, NotImplementedError) as error:
        raise StudyError(
            f"{path}: its weights do not fit a CHGNet of this version of chgnet "
            f"({_first_line(error)}); save the model again with the chgnet installed here"
        ) from None
    if WEIGHT in stored["state_dict"]:
        take_reference(model, stored["state_dict"][WEIGHT])
    return model.to(device)


def load_extra(path: str | os.PathLike) -> dict:
    """Return what :func:`save_model` was given as ``extra``; empty for other CHGNet files.

    Raises:
        StudyError: as :func:`load_model`.
    """
    return _read(path).get("rungs", {})


def load_weights(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """Return the weights of a CHGNet file by name, reference energies included, without a network.

    Raises:
        StudyError: as :func:`load_model`.
    """
    return _read(path)["model"]["state_dict"]


def save_model(
    model: "CHGNet", path: str | os.PathLike, extra: Mapping[str, object] | None = None
) -> None:
    """Write ``model`` so that ``CHGNet.from_file(path)`` loads it; whole or not at all.

    Args:
        model: its weights are written in float32, and so are reference energies below 256 eV;
            larger ones in float64, which chgnet rounds to float32 when it reads them.
        path: the file to write.
        extra: plain values to keep beside the model, read back by :func:`load_extra`.
    """
    arguments = dict(model.model_args)
    if not isinstance(arguments.get("composition_model"), str | None):
        # chgnet marks reference energies as fitted only when they come by name; the ones of the
        # state dict take their place right afterwards.
        arguments["composition_model"] = "MPtrj"
    # What is saved is no longer a published version.
    arguments["version"] = None
    content = {
        "model": {"state_dict": portable_weights(model), "model_args": arguments},
        "rungs": dict(extra or {}),
    }
    # Through a handle: given a name, PyTorch would write the temporary name into the file.
    with whole_file(path) as partial, open(partial, "wb") as handle:
        torch.save(content, handle)


def new_model(architecture: Architecture, seed: int) -> "CHGNet":
    """Return a CHGNet with random weights; the global random state is left as it was.

    Its reference energies are those that chgnet fitted to MPtrj, until others are set.

    Args:
        architecture: sizes and cutoffs.
        seed: determines the weights.
    """
    with chgnet_model_only():
        from chgnet.model.model import CHGNet

    with _silence(), torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would seed the generators of GPUs as well.
        torch.default_generator.manual_seed(seed)
        return CHGNet(composition_model="MPtrj", **architecture.model_dump())


def _read(path: str | os.PathLike) -> dict:
    """Return the content of a model file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such model file") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be opened ({error.strerror})") from None
    except Exception as error:
        # Bytes that are no model make the reader fail in any way it can.
        raise StudyError(
            f"{path}: cannot be read as a model file: it is damaged, cut short, of another kind, "
            f"or holds more than tensors and plain values ({_first_line(error)}); make it "
            'again, or save a CHGNet with torch.save({"model": model.as_dict()}, path)'
        ) from None
    if not (
        isinstance(content, dict)
        and isinstance(content.get("model"), dict)
        and {"state_dict", "model_args"} <= content["model"].keys()
    ):
        raise StudyError(
            f"{path}: holds no CHGNet; expected a file written by Rungs or by chgnet's trainer"
        )
    return content


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep back what chgnet prints when a model is made."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
