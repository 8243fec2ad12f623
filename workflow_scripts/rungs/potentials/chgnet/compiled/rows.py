"""Which rows the messages of a batch are made from, and how threads share them."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from rungs.graphs.batch import GraphBatch
from rungs.potentials.chgnet.compiled.messages import Rows


def atom_rows(batch: GraphBatch) -> Rows:
    """Return the messages along the halves of all bonds: centre, neighbour, bond."""
    centres = batch.bond_atoms.reshape(-1)
    neighbours = batch.bond_atoms.flip(0).reshape(-1)
    bonds = torch.arange(batch.n_bonds, device=centres.device).repeat(2)
    frames = batch.bond_frames
    pieces = [frames[: batch.n_angle_bonds], frames[batch.n_angle_bonds :]] * 2
    return Rows(
        first=centres,
        second=neighbours,
        third=bonds,
        weights=bonds,
        owners=centres,
        n_owners=len(batch.atomic_numbers),
        parts=_parts(pieces, batch.n_frames),
    )


def angle_rows(batch: GraphBatch, *, stored: bool, summed: bool) -> Rows:
    """Return the messages of all angles: half of the first bond, second bond, angle.

    Args:
        batch: the graphs.
        stored: whether the table of angles has the stored ones only, or all.
        summed: whether first bonds receive weighted sums, or every angle its own message.
    """
    first, second = batch.angle_bonds
    n_stored = len(batch.angle_signs)
    angles = torch.arange(batch.n_angles, device=first.device)
    if stored:
        angles = torch.cat([angles[:n_stored], angles[: batch.n_mirrored]])
    frames = batch.bond_frames.index_select(0, first)
    ends = (0, batch.n_mirrored, n_stored, batch.n_angles)
    return Rows(
        first=batch.angle_halves,
        second=second,
        third=angles,
        weights=second if summed else None,
        owners=first if summed else None,
        n_owners=batch.n_angle_bonds,
        parts=_parts([frames[a:b] for a, b in pairwise(ends)], batch.n_frames),
    )


def _parts(pieces: Sequence[Tensor], n_frames: int) -> tuple[Tensor, Tensor]:
    """Cut the frames into one part for each thread, with about as many rows.

    Frames share no atoms and no bonds, so the parts share no rows of any table.

    Args:
        pieces: frames of consecutive rows, in ascending order in each.
        n_frames: of the batch.

    Returns:
        See :class:`Rows`.
    """
    ends = torch.tensor([len(piece) for piece in pieces]).cumsum(0)
    n_parts = min(torch.get_num_threads(), n_frames)
    if n_parts == 1:
        return torch.tensor([0, 1]), torch.tensor([[0, int(ends[-1])]])
    counts = sum(torch.bincount(piece, minlength=n_frames) for piece in pieces).cumsum(0)
    targets = counts[-1] * torch.arange(1, n_parts) / n_parts
    cuts = torch.cat(
        [torch.zeros(1, dtype=torch.long), torch.searchsorted(counts, targets) + 1]
    ).clamp(max=n_frames)
    cuts = torch.cat([cuts, torch.tensor([n_frames])])
    # first row of each part in each piece
    edges = torch.stack(
        [
            torch.searchsorted(piece.contiguous(), cuts) + end - len(piece)
            for piece, end in zip(pieces, ends, strict=True)
        ]
    )
    ranges = torch.stack([edges[:, :-1], edges[:, 1:]], dim=2).transpose(0, 1)
    starts = torch.arange(n_parts + 1) * len(pieces)
    return starts, ranges.reshape(-1, 2).contiguous()
