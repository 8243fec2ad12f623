"""Figures of a study, drawn from its tables.

Each module draws one figure and returns it as a :class:`matplotlib.figure.Figure`;
:func:`rungs.figures.style.save` writes it. The figures compute nothing that their tables lack.
This package itself imports nothing: Matplotlib is loaded when a figure's module is.
"""
