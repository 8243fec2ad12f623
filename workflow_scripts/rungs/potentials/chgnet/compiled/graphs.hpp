// The graphs of a batch, and one frame's part of them in a numbering of its own.

#pragma once

#include "memory.hpp"

namespace rungs {

// As rungs.graphs.batch.GraphBatch has them. The rows of a frame are consecutive in each of the
// five kinds; `starts` (5, G + 1) says where they begin: atoms, bonds in angles, other bonds, stored
// angles that stand for both orders, stored angles of one order.
template <class T>
struct Batch {
  std::int64_t n_frames, n_bonds, n_angle_bonds, n_mirrored, n_stored, n_angles;
  const std::int64_t *starts, *numbers, *bond_atoms, *angle_bonds, *angle_halves;
  const T *vectors, *signs, *volumes;

  std::int64_t start(int kind, std::int64_t frame) const {
    return starts[kind * (n_frames + 1) + frame];
  }
  std::int64_t count(int kind, std::int64_t frame) const {
    return start(kind, frame + 1) - start(kind, frame);
  }
  // What a frame costs, about.
  std::int64_t cost(std::int64_t g) const {
    return 8 + count(0, g) + 2 * (count(1, g) + count(2, g)) + 2 * count(3, g) + count(4, g);
  }
};

template <class T>
struct FrameGraph {
  int n_atoms, n_bonds, n_short, n_stored, n_angles, n_mirrored;
  std::int64_t first_atom, first_short, first_long;
  int *centre, *neighbour, *bond;  // (2B) of the halves of bonds; those of a bond follow each other
  int* half_centre;                // (2M) centre atoms of the halves of bonds in angles
  int *half, *first, *second, *stored, *every;  // (A) both orders of a stored angle follow each other
  T* signs;                             // (S)

  FrameGraph(const Batch<T>& batch, std::int64_t g, Stack& stack) {
    n_atoms = int(batch.count(0, g)), n_short = int(batch.count(1, g));
    n_bonds = n_short + int(batch.count(2, g)), n_mirrored = int(batch.count(3, g));
    n_stored = n_mirrored + int(batch.count(4, g)), n_angles = n_stored + n_mirrored;
    first_atom = batch.start(0, g), first_short = batch.start(1, g);
    first_long = batch.start(2, g);
    centre = stack.take<int>(2 * n_bonds), neighbour = stack.take<int>(2 * n_bonds);
    bond = stack.take<int>(2 * n_bonds), half_centre = stack.take<int>(2 * n_short);
    for (int u = 0; u < n_bonds; ++u)
      for (int s = 0; s < 2; ++s) {
        const int row = 2 * u + s;
        centre[row] = int(batch.bond_atoms[s * batch.n_bonds + of_batch(u)] - first_atom);
        neighbour[row] = int(batch.bond_atoms[(1 - s) * batch.n_bonds + of_batch(u)] - first_atom);
        bond[row] = u;
        if (u < n_short) half_centre[s * n_short + u] = centre[row];
      }
    half = stack.take<int>(n_angles), first = stack.take<int>(n_angles);
    second = stack.take<int>(n_angles), stored = stack.take<int>(n_angles);
    every = stack.take<int>(n_angles);
    signs = stack.take<T>(n_stored);
    for (int i = 0, row = 0; i < n_stored; ++i) {
      const bool both = i < n_mirrored;
      const std::int64_t at = both ? batch.start(3, g) + i
                                   : batch.start(4, g) + i - n_mirrored;
      signs[i] = batch.signs[at];
      for (int order = 0; order < (both ? 2 : 1); ++order, ++row) {
        const std::int64_t angle = order ? batch.n_stored + at : at;
        const std::int64_t h = batch.angle_halves[angle], side = h / batch.n_angle_bonds;
        half[row] = int(side * n_short + h - side * batch.n_angle_bonds - first_short);
        first[row] = int(batch.angle_bonds[angle] - first_short);
        second[row] = int(batch.angle_bonds[batch.n_angles + angle] - first_short);
        stored[row] = i, every[row] = row;
      }
    }
  }

  // The batch's number of a bond.
  std::int64_t of_batch(int u) const {
    return u < n_short ? first_short + u : first_long + u - n_short;
  }
};

}  // namespace rungs
