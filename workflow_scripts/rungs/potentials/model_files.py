"""Models in files, whatever their architecture; read without running code from them."""

import os
from collections.abc import Mapping

import torch
from torch import nn

from rungs.config.architectures import SUM
from rungs.errors import StudyError, first_line
from rungs.files import whole_file
from rungs.potentials.registry import DEFAULT, NAMES, architecture, architecture_of

AT_SOURCE = "weights at the source"
"""What :func:`save_model` is given of a model that tells the levels apart."""


def load_model(path: str | os.PathLike, device: torch.device | str = "cpu") -> nn.Module:
    """Return the model that ``path`` holds: one of Rungs' own, or a CHGNet of chgnet's trainer.

    Raises:
        StudyError: when the file is missing, damaged, no model, or of an architecture whose
            package is not installed.
    """
    return _model_in(_read(path), path).to(device)


def load_at_source(path: str | os.PathLike) -> nn.Module:
    """Return the model that ``path`` holds as it is at the source: the same, but where it was
    trained to tell the levels apart, and of two networks that add up the first alone, with the
    source's reference energies. Those of all others are the target's.

    Raises:
        StudyError: as :func:`load_model`.
    """
    content = _read(path)
    model = _model_in(content, path)
    if content.get("architecture") == SUM:
        return model.parts()[0]
    weights = content.get("rungs", {}).get(AT_SOURCE, {})
    named = dict(model.named_parameters())
    with torch.no_grad():
        for name, values in weights.items():
            named[name].copy_(values)
    return model


def load_extra(path: str | os.PathLike) -> dict:
    """Return what :func:`save_model` was given as ``extra``; empty for files of others.

    Raises:
        StudyError: as :func:`load_model`.
    """
    return _read(path).get("rungs", {})


def load_weights(path: str | os.PathLike) -> dict[str, torch.Tensor]:
    """Return the weights in a file by name, reference energies included, without a network.

    Raises:
        StudyError: as :func:`load_model`.
    """
    return _read(path)["model"]["state_dict"]


def save_model(
    model: nn.Module, path: str | os.PathLike, extra: Mapping[str, object] | None = None
) -> None:
    """Write ``model`` so that :func:`load_model` reads it; whole or not at all.

    A CHGNet's file is also what ``CHGNet.from_file`` reads.

    Args:
        model: its weights are written in float32, and so are reference energies below 256 eV;
            larger ones in float64.
        path: the file to write.
        extra: plain values to keep beside the model, read back by :func:`load_extra`.
    """
    content = {**architecture_of(model).content(model), "rungs": dict(extra or {})}
    # Through a handle: given a name, PyTorch would write the temporary name into the file.
    with whole_file(path) as partial, open(partial, "wb") as handle:
        torch.save(content, handle)


def _model_in(content: Mapping, path: str | os.PathLike) -> nn.Module:
    """Return the model that the content of a file describes, on the CPU."""
    kind = content.get("architecture", DEFAULT)
    if kind not in (*NAMES, SUM):
        raise StudyError(
            f"{path}: holds a network of kind {kind!r}, which this version of Rungs does not know; "
            f"it knows {', '.join(NAMES)}"
        )
    return architecture(kind).from_content(content, str(path))


def _read(path: str | os.PathLike) -> dict:
    """Return the content of a model file."""
    try:
        # Said outright: other packages change what is left unsaid.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StudyError(f"{path}: no such model file") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be opened ({error.strerror})") from None
    except Exception as error:
        # Bytes that are no model make the reader fail in any way it can.
        raise StudyError(
            f"{path}: cannot be read as a model file: it is damaged, cut short, of another kind, "
            f"or holds more than tensors and plain values ({first_line(error)}); make it "
            'again, or save a CHGNet with torch.save({"model": model.as_dict()}, path)'
        ) from None
    if not (
        isinstance(content, dict)
        and isinstance(content.get("model"), dict)
        and "state_dict" in content["model"]
        and ("architecture" in content or "model_args" in content["model"])
    ):
        raise StudyError(
            f"{path}: holds no model; expected a file written by Rungs or by chgnet's trainer"
        )
    return content
