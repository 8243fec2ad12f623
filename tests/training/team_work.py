"""What processes of a team do in tests; they must be able to import it by its name."""

import torch

from rungs.errors import StudyError
from rungs.training.team import Team


def add_up(team: Team) -> float:
    return team.add_up(torch.ones(1)).item()


def add_up_but_for_one(team: Team) -> float:
    if team.rank == 1:
        raise SystemExit(3)
    # whoever waits for a sum with the others must be woken by their end
    return add_up(team)


def refuse(team: Team) -> None:
    add_up(team)
    raise StudyError(f"no, says process {team.rank}")
