"""Potentials on batches of graphs: predictions, their errors, and the device they are made on.

Each architecture has a folder of its own.
"""
