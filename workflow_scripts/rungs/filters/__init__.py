"""Filters: frames that are sound but not wanted, set aside with their reasons and counted."""

from rungs.filters.chain import FilterChain

__all__ = ["FilterChain"]
