"""Molecular dynamics with the trained models: how long a simulation stays physical."""
