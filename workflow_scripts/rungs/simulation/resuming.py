"""What is kept of a job's finished models, so that a stopped job goes on with the next."""

import json
from pathlib import Path

from rungs.files import write_json
from rungs.simulation.trajectories import Trajectory, read_trajectories, write_trajectories
from rungs.workflow.copies import copies

Found = tuple[list[dict], list[Trajectory]]
"""Rows of the table and stable trajectories of one model."""


class KeptModel:
    """The simulations of one model in two files.

    Args:
        stem: path of the files without their suffix.
        fingerprint: of everything that the simulations depend on; what was kept under another one
            does not count.
    """

    def __init__(self, stem: Path, fingerprint: str) -> None:
        self._rows = stem.with_name(stem.name + ".json")
        self._trajectories = stem.with_name(stem.name + ".npz")
        self._fingerprint = fingerprint

    def read(self) -> Found | None:
        """Return what was kept; None where there is nothing, or something else."""
        copies().fetch(self._trajectories)
        copies().fetch(self._rows)
        try:
            content = json.loads(self._rows.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if content.get("fingerprint") != self._fingerprint or not self._trajectories.exists():
            return None
        return content["rows"], list(read_trajectories(self._trajectories))

    def write(self, rows: list[dict], trajectories: list[Trajectory]) -> None:
        """Keep them; the rows come last and say that all is there."""
        write_trajectories(self._trajectories, trajectories)
        write_json(self._rows, {"fingerprint": self._fingerprint, "rows": rows})
        copies().send(self._trajectories)
        copies().send(self._rows)

    def remove(self) -> None:
        """Forget them."""
        self._rows.unlink(missing_ok=True)
        self._trajectories.unlink(missing_ok=True)
