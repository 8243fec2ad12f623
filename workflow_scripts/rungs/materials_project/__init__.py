"""Downloading trajectories from the Materials Project, in a way that can be interrupted anywhere.

A download is a folder: ``plan.json``, frozen before any data; ``part-00000.parquet`` and so on,
each with a ``.record.json`` beside it; and ``manifest.json``, written last, which vouches for all
of them. None holds a time or a key, so that a resumed download is byte for byte an undisturbed one.
"""
