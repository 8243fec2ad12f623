"""A model's properties beside the reference's."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rungs.config.properties import ReferenceValue
from rungs.config.study import Run
from rungs.evaluation.tables import read_rows
from rungs.properties.curves import Curve, difference, read_curves
from rungs.properties.motion import Simulated, dynamic_properties, halves
from rungs.properties.quantities import is_curve, quantity
from rungs.properties.static import Found, Value

REFERENCE_COLUMNS = ("property", "temperature_k", "value", "unit", "error", "source")


class Reference(NamedTuple):
    """What models are compared with; nothing of it need be there."""

    values: dict[str, float]
    """By property, in its unit."""
    curves: list[Curve]


def read_reference(table: str | os.PathLike, curves: str | os.PathLike) -> Reference:
    """Return the reference from the files that :func:`reference_rows` and
    :func:`rungs.properties.curves.write_curves` made."""
    values = {
        row["property"]: float(row["value"])
        for row in read_rows(table, may_be_empty=True)
        if row["value"]
    }
    return Reference(values, [curve for _, curve in read_curves(curves)])


def run_rows(run: Run, found: Found, reference: Reference) -> list[dict]:
    """Return the rows of one run: each property, with its error against the reference.

    The error of a number is value − reference; that of a curve is
    :func:`rungs.properties.curves.difference`. Simulations are compared over the starts that both
    have: their curves are averaged over these first.
    """
    rows = []
    for value in found.values:
        row = {
            **run._asdict(),
            "property": value.property,
            "temperature_k": value.temperature_k,
            "value": value.value,
            "unit": quantity(value.property).unit,
            "reference": reference.values.get(value.property),
            "failed": int(value.failed),
            "note": value.note,
        }
        if not value.failed and is_curve(value.property):
            row["error"] = _curve_error(value, found.curves, reference.curves)
        elif value.value is not None and row["reference"] is not None:
            row["error"] = value.value - row["reference"]
        rows.append(row)
    return rows


def _curve_error(value: Value, curves: Sequence[Curve], reference: Sequence[Curve]) -> float | None:
    ours, wanted = (
        [c for c in some if (c.kind, c.temperature_k) == (value.property, value.temperature_k)]
        for some in (curves, reference)
    )
    if value.temperature_k is not None:
        starts = {curve.series for curve in ours} & {curve.series for curve in wanted}
        ours, wanted = (
            mean_curves([curve for curve in some if curve.series in starts])
            for some in (ours, wanted)
        )
    return difference(ours, wanted) if ours and wanted else None


def mean_curves(curves: Sequence[Curve]) -> list[Curve]:
    """Return the mean of curves of one kind on the first one's grid, or nothing of nothing."""
    if not curves:
        return []
    grid = curves[0].x
    mean = np.mean([np.interp(grid, curve.x, curve.y) for curve in curves], axis=0)
    return [curves[0]._replace(y=mean, series=0)]


def reference_rows(
    found: Found,
    noise: Mapping[tuple[str, float], float],
    given: Mapping[str, ReferenceValue],
    source: str,
) -> list[dict]:
    """Return the rows of ``properties/reference.csv``.

    Args:
        found: of the reference potential; nothing where there is none.
        noise: from :func:`sampling_noise`.
        given: numbers of the configuration.
        source: names the reference potential.
    """
    rows = [
        {
            "property": value.property,
            "temperature_k": value.temperature_k,
            "value": value.value,
            "unit": quantity(value.property).unit,
            "error": noise.get((value.property, value.temperature_k)),
            "source": "; ".join(filter(None, [source, value.note])),
        }
        for value in found.values
    ]
    rows += [
        {"property": name, "value": number.value, "unit": number.unit, "source": number.source}
        for name, number in given.items()
    ]
    return rows


def sampling_noise(simulated: Simulated, bond: float, options) -> dict[tuple[str, float], float]:
    """Return by how much two simulations of the reference would differ by chance alone.

    The first halves of the reference's simulations are compared with the second halves; two
    whole ones are twice as long, hence the √2. An error near this is none.

    Args:
        simulated: the reference's.
        bond, options: as for :func:`rungs.properties.motion.dynamic_properties`.
    """
    parts = [
        dynamic_properties(Simulated(simulated.n_runs, list(runs)), bond, options)
        for runs in zip(*map(halves, simulated.trajectories), strict=True)
    ]
    if not parts:
        return {}
    one, other = parts
    noise = {}
    for value in one.values:
        error = _curve_error(value, one.curves, other.curves)
        if error is not None:
            noise[value.property, value.temperature_k] = error / 2**0.5
    return noise
