// Along a direction of the geometry forward. What the sweep towards the geometry computed is linear in
// this direction, so the parameters' gradients begin here.

#pragma once

#include "frame.hpp"

namespace rungs {

template <class T>
void Frame<T>::along(const T* vectors_dot, Stack& work, T* sums, T* tile) {
  const int B = g_.n_bonds, M = g_.n_short, S = g_.n_stored;
  T *lengths_dot = work.take<T>(B), *turning = work.take<T>(3 * B);
  for (int u = 0; u < B; ++u) {
    const T *n = directions_ + 3 * u, *dot = vectors_dot + 3 * u;
    lengths_dot[u] = dot[0] * n[0] + dot[1] * n[1] + dot[2] * n[2];
    for (int x = 0; x < 3; ++x)
      turning[3 * u + x] = (dot[x] - n[x] * lengths_dot[u]) / lengths_[u];
  }
  T* waves_dot = work.take<T>(B * m_.radial_atom.n);
  m_.radial_atom.tangent(lengths_, sine_, cosine_, waves_bar_, lengths_dot, B, waves_dot, sums);
  T *bonds_dot = work.take<T>(B * m_.bond), *weights_dot = work.take<T>(B * m_.atom);
  carry(m_.bond_embedding, bonds_bar_, waves_dot, bonds_dot, B, sums);
  carry(m_.atom_weights, weights_bar_, waves_dot, weights_dot, B, sums);
  T* angles_dot = nullptr;
  if (g_.n_angles) {
    T* short_waves_dot = work.take<T>(M * m_.radial_bond.n);
    m_.radial_bond.tangent(lengths_, short_sine_, short_cosine_, short_waves_bar_, lengths_dot, M,
                           short_waves_dot, sums);
    short_weights_dot_ = work.take<T>(M * m_.bond);
    carry(m_.bond_weights, short_weights_bar_, short_waves_dot, short_weights_dot_, M, sums);
    T *cosines_dot = work.take<T>(S), *angle_waves_dot = work.take<T>(S * 2 * m_.angular.n);
    each_stored([&](int s, int first, int second) {
      T all = 0;
      for (int x = 0; x < 3; ++x)
        all += turning[3 * first + x] * directions_[3 * second + x] +
               turning[3 * second + x] * directions_[3 * first + x];
      cosines_dot[s] = all * g_.signs[s];
    });
    m_.angular.tangent(cosines_, theta_, angle_waves_, angle_waves_bar_, cosines_dot, S,
                       angle_waves_dot, sums);
    angles_dot = work.take<T>(S * m_.angle);
    carry(m_.angle_embedding, angles_bar_, angle_waves_dot, angles_dot, S, sums);
  }
  atom_dots_ = work.take<Dots>(n_conv_);
  bond_dots_ = work.take<Dots>(n_updates_), angle_dots_ = work.take<Dots>(n_updates_);
  atoms_dot_ = nullptr;  // the first atom features do not depend on the geometry
  for (int i = 0; i < n_conv_; ++i) {
    atoms_along(i, bonds_dot, weights_dot, work, sums, tile);
    if (i == n_updates_) break;
    if (!g_.n_angles) continue;
    bonds_along(i, bonds_dot, angles_dot, work, sums, tile);
    if (i < n_updates_ - 1) angles_dot = angles_along(i, bonds_dot, angles_dot, work, sums, tile);
  }
  read_out_along(work, sums);
}

template <class T>
void Frame<T>::carry(const Linear<T>& layer, const T* y_bar, const T* x_dot, T* y_dot, int rows, T* sums) const {
  layer.gradient(sums, y_bar, x_dot, rows);
  layer.template apply<false, false>(y_dot, x_dot, rows);
}

template <class T>
void Frame<T>::atoms_along(int i, const T* bonds_dot, const T* weights_dot, Stack& work, T* sums, T* tile) {
  const AtomConv<T>& conv = m_.atom_convs[i];
  const AtomTape& t = of_atoms_[i];
  Dots& d = atom_dots_[i];
  const int N = g_.n_atoms, B = g_.n_bonds, both = conv.gated.table_width();
  T* bond_dot = work.take<T>(B * both);
  carry(conv.bond, t.bond_bar, bonds_dot, bond_dot, B, sums);
  d.tables = {nullptr, nullptr, bond_dot, weights_dot};
  if (atoms_dot_) {
    T *centre_dot = work.take<T>(N * both), *neighbour_dot = work.take<T>(N * both);
    carry(conv.centre, t.centre_bar, atoms_dot_, centre_dot, N, sums);
    carry(conv.neighbour, t.neighbour_bar, atoms_dot_, neighbour_dot, N, sums);
    d.tables.a = centre_dot, d.tables.b = neighbour_dot;
  }
  d.kept = keep(conv.gated, 2 * B, work), d.received = work.zeros<T>(N * m_.atom);
  conv.gated.tangent(atom_rows(), tables(t), t.kept, d.tables, d.kept, d.received, tile);
  T* change = work.take<T>(N * m_.atom);
  carry(conv.output, t.output_bar, d.received, change, N, sums);
  if (atoms_dot_) add(change, atoms_dot_, N * m_.atom);
  atoms_dot_ = change;
}

template <class T>
void Frame<T>::tables_along(const AngleConv<T>& conv, const AngleTape& t, Dots& d, int i, bool summed, const T* bonds_dot, const T* angles_dot, T* received_dot, Stack& work, T* sums, T* tile) {
  const int N = g_.n_atoms, M = g_.n_short, both = conv.gated.table_width();
  T *halves_dot = work.take<T>(2 * M * both), *second_dot = work.take<T>(M * both);
  T* angle_dot = work.take<T>(t.n_inputs * both);
  halves<false>(conv, halves_dot, atoms_dot_, bonds_dot, work);
  conv.atom.gradient(sums, t.atom_bar, atoms_dot_, N);
  conv.first.gradient(sums, t.first_bar, bonds_dot, M);
  carry(conv.second, t.second_bar, bonds_dot, second_dot, M, sums);
  carry(conv.angle, t.angle_bar, angles_dot, angle_dot, t.n_inputs, sums);
  d.tables = {halves_dot, second_dot, angle_dot, summed ? short_weights_dot_ : nullptr};
  d.kept = keep(conv.gated, g_.n_angles, work);
  conv.gated.tangent(angle_rows(i, summed), tables(t, summed), t.kept, d.tables, d.kept, received_dot,
                     tile);
}

template <class T>
void Frame<T>::bonds_along(int i, T* bonds_dot, const T* angles_dot, Stack& work, T* sums, T* tile) {
  const AngleConv<T>& conv = m_.bond_convs[i];
  const AngleTape& t = of_bonds_[i];
  Dots& d = bond_dots_[i];
  const int M = g_.n_short, n = M * m_.bond;
  d.received = work.zeros<T>(n);
  tables_along(conv, t, d, i, true, bonds_dot, angles_dot, d.received, work, sums, tile);
  const auto mark = work.mark();
  T* weighted_dot = work.take<T>(n);
  for (int k = 0; k < n; k += L)
    store(weighted_dot + k, load(d.received + k) * load(short_weights_ + k) +
                                load(t.received + k) * load(short_weights_dot_ + k));
  conv.output.gradient(sums, t.output_bar, weighted_dot, M);
  conv.output.template apply<true, false>(bonds_dot, weighted_dot, M);
  work.back_to(mark);
}

template <class T>
T* Frame<T>::angles_along(int i, const T* bonds_dot, const T* angles_dot, Stack& work, T* sums, T* tile) {
  T* later = in_every_order(angles_dot, i, work);
  tables_along(m_.angle_convs[i], of_angles_[i], angle_dots_[i], i, false, bonds_dot, angles_dot,
               later, work, sums, tile);
  return later;
}

template <class T>
void Frame<T>::read_out_along(Stack& work, T* sums) {
  const int N = g_.n_atoms, n_hidden = int(m_.readout.size()) - 1;
  const T* x_dot = atoms_dot_;
  if (m_.has_readout_norm) {
    normal_dot_ = work.take<T>(N * m_.atom), overlaps_ = work.take<T>(N);
    T* scaled_dot = work.take<T>(N * m_.atom);
    for (int i = 0; i < N * m_.atom; i += m_.atom) {
      Row<T, 0> row, normal;
      row.read(x_dot + i, m_.atom / L), normal.read(normal_ + i, m_.atom / L);
      overlaps_[i / m_.atom] = m_.readout_norm.tangent(row, normal, rho_[i / m_.atom]);
      row.write(normal_dot_ + i, m_.atom / L);
      for (int k = 0; k < m_.atom; k += L)
        store(scaled_dot + i + k,
              load(normal_dot_ + i + k) * load(m_.readout_norm.gamma + k));
    }
    x_dot = scaled_dot;
  }
  before_dot_ = work.take<T*>(n_hidden);
  for (int l = 0; l < n_hidden; ++l) {
    const int n = N * m_.readout[l].out;
    before_dot_[l] = work.take<T>(n);
    carry(m_.readout[l], before_bar_[l], x_dot, before_dot_[l], N, sums);
    T* after_dot = work.take<T>(n);
    for (int i = 0; i < n; i += L) {
      const V x = load(before_[l] + i);
      store(after_dot + i, load(before_dot_[l] + i) * silu_slope<T>(x, sigmoid<T>(x)));
    }
    x_dot = after_dot;
  }
  m_.readout[n_hidden].gradient(sums, one_, x_dot, N);
}

}  // namespace rungs
