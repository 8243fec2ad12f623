"""What figures of the models' curves beside the reference's have in common."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rungs.figures.style import GREY, MethodStyle

N_SIZES = 3
REFERENCE_LINE = {"color": GREY, "lw": 2.2, "alpha": 0.5}


@dataclass(frozen=True, slots=True, eq=False)
class CurveSheet:
    """The curves of some kinds that a figure shows, and how."""

    curves: pd.DataFrame
    """Of the models."""
    reference: pd.DataFrame
    look: MethodStyle
    methods: list[str]
    """Those that have such curves, in the study's order."""

    @property
    def sizes(self) -> list[int]:
        """The sizes to show, those of untrained models only if there are no others."""
        return some_sizes(set(self.curves.loc[self.curves["size"] > 0, "size"]) or {0})

    def legend(self, figure: Figure) -> None:
        """Name the methods, and the reference where it has a curve, above the panels."""
        handles = [
            Line2D([], [], color=self.look.colour(m), lw=1.0, label=self.look.label(m))
            for m in self.methods
        ]
        if len(self.reference):
            handles.append(Line2D([], [], **REFERENCE_LINE, label="reference"))
        figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=2.0)


def curve_sheet(
    curves: pd.DataFrame,
    reference: pd.DataFrame,
    kinds: Iterable[str],
    methods: Sequence[str] | None,
) -> CurveSheet:
    """Choose the curves of ``kinds``.

    Args:
        curves: :func:`rungs.properties.curves.read_curve_tables` of the models.
        reference: the same of the reference.
        kinds: what to keep of both.
        methods: the study's methods in their order; None takes those of the curves.
    """
    kinds = list(kinds)
    own = curves[curves["kind"].isin(kinds)]
    methods = list(dict.fromkeys(curves["method"])) if methods is None else list(methods)
    there = set(own["method"])
    return CurveSheet(
        own,
        reference[reference["kind"].isin(kinds)],
        MethodStyle(methods),
        [method for method in methods if method in there],
    )


def some_sizes(sizes: set[int]) -> list[int]:
    """Return at most three sizes: the smallest, the middle one and the largest."""
    ordered = sorted(sizes)
    if len(ordered) <= N_SIZES:
        return ordered
    return [ordered[0], ordered[(len(ordered) - 1) // 2], ordered[-1]]
