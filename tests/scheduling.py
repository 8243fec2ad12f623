"""Which tests stay together when they run in several processes."""

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

REPOSITORY = Path(__file__).resolve().parents[1]
OF_THE_TINY_STUDY = ("tiny_study", "tiny_report")
"""Fixtures that need the tiny study."""


class SharedFixtures(LoadScopeScheduling):
    """What is expensive to make is made once: tests that share it go to one process.

    xdist's own way, marks and ``--dist loadgroup``, groups nothing with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0]) or nodeid


@cache
def group_of(file: str) -> str | None:
    """Return the name of the group of all tests in ``file``; None where each stands alone."""
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    if any(name in text for name in OF_THE_TINY_STUDY):
        # Beside each other they would collide in the study's folder.
        return "tiny_study"
    return file if 'scope="module"' in text else None
