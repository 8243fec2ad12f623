// From a frame's energy back to its geometry.

#pragma once

#include "frame.hpp"

namespace rungs {

template <class T>
T* Frame<T>::to_geometry(Stack& tape, Stack& work, T* tile) {
  const int B = g_.n_bonds, M = g_.n_short;
  T* atoms_bar = read_out_back(tape);
  T* bonds_bar = tape.zeros<T>(B * m_.bond);
  T* weights_bar = tape.zeros<T>(B * m_.atom);
  T* short_bar = tape.zeros<T>(M * m_.bond);
  T* angles_bar = g_.n_angles ? tape.zeros<T>(n_angle_rows(n_updates_ - 1) * m_.angle) : nullptr;
  for (int i = n_conv_ - 1; i >= 0; --i) {
    if (i < n_updates_ && g_.n_angles) {
      if (i < n_updates_ - 1) angles_bar = angles_back(i, atoms_bar, bonds_bar, angles_bar, tape, work, tile);
      bonds_back(i, atoms_bar, bonds_bar, angles_bar, short_bar, tape, work, tile);
    }
    atoms_back(i, atoms_bar, bonds_bar, weights_bar, tape, work, tile);
  }
  bonds_bar_ = bonds_bar, weights_bar_ = weights_bar, short_weights_bar_ = short_bar;
  angles_bar_ = angles_bar;
  return from_features(bonds_bar, weights_bar, short_bar, angles_bar, tape, work);
}

template <class T>
T* Frame<T>::read_out_back(Stack& tape) {
  const int N = g_.n_atoms, n_hidden = int(m_.readout.size()) - 1;
  const Linear<T>& last = m_.readout[n_hidden];
  one_ = tape.zeros<T>(N * last.out);
  for (int i = 0; i < N; ++i) one_[i * last.out] = T(1);
  T* bar = tape.take<T>(N * last.in);
  last.back(bar, one_, N);
  after_bar_ = tape.take<T*>(n_hidden), before_bar_ = tape.take<T*>(n_hidden);
  for (int l = n_hidden - 1; l >= 0; --l) {
    const Linear<T>& layer = m_.readout[l];
    after_bar_[l] = bar;
    before_bar_[l] = tape.take<T>(N * layer.out);
    for (int i = 0; i < N * layer.out; i += L) {
      const V x = load(before_[l] + i);
      store(before_bar_[l] + i, load(bar + i) * silu_slope<T>(x, sigmoid<T>(x)));
    }
    bar = tape.take<T>(N * layer.in);
    layer.back(bar, before_bar_[l], N);
  }
  scaled_bar_ = bar;
  T* atoms_bar = tape.copy(bar, N * m_.atom);
  if (m_.has_readout_norm)
    for (int i = 0; i < N; ++i) {
      Row<T, 0> row, normal;
      row.read(bar + i * m_.atom, m_.atom / L), normal.read(normal_ + i * m_.atom, m_.atom / L);
      m_.readout_norm.back(row, normal, rho_[i]);
      row.write(atoms_bar + i * m_.atom, m_.atom / L);
    }
  return atoms_bar;
}

template <class T>
void Frame<T>::atoms_back(int i, T* atoms_bar, T* bonds_bar, T* weights_bar, Stack& tape, Stack&, T* tile) {
  const AtomConv<T>& conv = m_.atom_convs[i];
  AtomTape& t = of_atoms_[i];
  const int N = g_.n_atoms, B = g_.n_bonds, both = conv.gated.table_width();
  t.output_bar = tape.copy(atoms_bar, N * m_.atom);
  t.received_bar = tape.take<T>(N * m_.atom);
  conv.output.back(t.received_bar, t.output_bar, N);
  // The first atom features do not depend on the geometry.
  t.centre_bar = i ? tape.zeros<T>(N * both) : nullptr;
  t.neighbour_bar = i ? tape.zeros<T>(N * both) : nullptr;
  t.bond_bar = tape.zeros<T>(B * both);
  conv.gated.backward(atom_rows(), tables(t), t.kept, t.received_bar,
                      {t.centre_bar, t.neighbour_bar, t.bond_bar, weights_bar}, tile);
  conv.bond.template back<true>(bonds_bar, t.bond_bar, B);
  if (!i) return;
  conv.centre.template back<true>(atoms_bar, t.centre_bar, N);
  conv.neighbour.template back<true>(atoms_bar, t.neighbour_bar, N);
}

// Gradients of the tables, and through them of the features.
template <class T>
void Frame<T>::tables_back(const AngleConv<T>& conv, AngleTape& t, int i, bool summed, const T* message_bar, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& tape, T* tile) {
  const int N = g_.n_atoms, M = g_.n_short, both = conv.gated.table_width();
  t.halves_bar = tape.zeros<T>(2 * M * both), t.second_bar = tape.zeros<T>(M * both);
  t.angle_bar = tape.zeros<T>(t.n_inputs * both);
  conv.gated.backward(angle_rows(i, summed), tables(t, summed), t.kept, message_bar,
                      {t.halves_bar, t.second_bar, t.angle_bar, short_bar}, tile);
  t.atom_bar = tape.zeros<T>(N * both), t.first_bar = tape.take<T>(M * both);
  gather_halves(t.halves_bar, both, t.atom_bar, t.first_bar);
  conv.atom.template back<true>(atoms_bar, t.atom_bar, N);
  conv.first.template back<true>(bonds_bar, t.first_bar, M);
  conv.second.template back<true>(bonds_bar, t.second_bar, M);
  conv.angle.template back<true>(angles_bar, t.angle_bar, t.n_inputs);
}

template <class T>
void Frame<T>::gather_halves(const T* halves_bar, int both, T* atom_bar, T* first_bar) const {
  const int M = g_.n_short;
  for (int h = 0; h < 2 * M; ++h)
    add(atom_bar + g_.half_centre[h] * both, halves_bar + h * both, both);
  for (int k = 0; k < M * both; k += L)
    store(first_bar + k, load(halves_bar + k) + load(halves_bar + M * both + k));
}

template <class T>
void Frame<T>::bonds_back(int i, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& tape, Stack&, T* tile) {
  const AngleConv<T>& conv = m_.bond_convs[i];
  AngleTape& t = of_bonds_[i];
  const int M = g_.n_short, n = M * m_.bond;
  t.output_bar = tape.copy(bonds_bar, n);
  t.received_bar = tape.take<T>(n);
  conv.output.back(t.received_bar, t.output_bar, M);
  t.message_bar = times(t.received_bar, short_weights_, n, tape);
  for (int k = 0; k < n; k += L)
    store(short_bar + k, load(short_bar + k) + load(t.received_bar + k) * load(t.received + k));
  tables_back(conv, t, i, true, t.message_bar, atoms_bar, bonds_bar, angles_bar, short_bar, tape,
              tile);
}

template <class T>
T* Frame<T>::angles_back(int i, T* atoms_bar, T* bonds_bar, T* later_bar, Stack& tape, Stack&, T* tile) {
  AngleTape& t = of_angles_[i];
  t.message_bar = later_bar;
  T* angles_bar = in_stored_order(later_bar, i, tape);
  tables_back(m_.angle_convs[i], t, i, false, later_bar, atoms_bar, bonds_bar, angles_bar,
              nullptr, tape, tile);
  return angles_bar;
}

// What comes back through `in_every_order`: a sum over both orders.
template <class T>
T* Frame<T>::in_stored_order(const T* bar, int i, Stack& stack) const {
  if (i) return stack.copy(bar, g_.n_angles * m_.angle);
  T* found = stack.zeros<T>(g_.n_stored * m_.angle);
  for (int row = 0; row < g_.n_angles; ++row)
    add(found + g_.stored[row] * m_.angle, bar + row * m_.angle, m_.angle);
  return found;
}

}  // namespace rungs
