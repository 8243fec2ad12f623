"""Splits by material, and nested subsets of the training part."""
