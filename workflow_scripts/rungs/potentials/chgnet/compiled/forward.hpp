// A frame through the network, to energies and moments.

#pragma once

#include "frame.hpp"

namespace rungs {

template <class T>
void Frame<T>::update_atoms(int i, Stack& tape, Stack&, T* tile) {
  const AtomConv<T>& conv = m_.atom_convs[i];
  AtomTape& t = of_atoms_[i];
  const int N = g_.n_atoms, B = g_.n_bonds, both = conv.gated.table_width();
  t.centre = tape.take<T>(N * both), t.neighbour = tape.take<T>(N * both);
  t.bond = tape.take<T>(B * both), t.kept = keep(conv.gated, 2 * B, tape);
  t.received = tape.zeros<T>(N * m_.atom);
  conv.centre.apply(t.centre, atoms_[i], N);
  conv.neighbour.apply(t.neighbour, atoms_[i], N);
  conv.bond.apply(t.bond, bonds_[i], B);
  conv.gated.forward(atom_rows(), tables(t), t.kept, t.received, tile);
  atoms_[i + 1] = tape.copy(atoms_[i], N * m_.atom);
  conv.output.template apply<true>(atoms_[i + 1], t.received, N);
}

template <class T>
void Frame<T>::make_tables(const AngleConv<T>& conv, AngleTape& t, int i, const T* bonds, Stack& tape, Stack& work) {
  const int M = g_.n_short, both = conv.gated.table_width();
  t.n_inputs = n_angle_rows(i);
  t.halves = tape.take<T>(2 * M * both), t.second = tape.take<T>(M * both);
  t.angle = tape.take<T>(t.n_inputs * both);
  t.kept = keep(conv.gated, g_.n_angles, tape);
  halves<true>(conv, t.halves, atoms_[i + 1], bonds, work);
  conv.second.apply(t.second, bonds, M);
  conv.angle.apply(t.angle, angles_[i], t.n_inputs);
}

// Half of the first bond with the centre atom: (2M, 2h).
template <class T>
template <bool Bias>
void Frame<T>::halves(const AngleConv<T>& conv, T* to, const T* atoms, const T* bonds, Stack& work) const {
  const int M = g_.n_short, both = conv.gated.table_width();
  const auto mark = work.mark();
  T* of_atoms = work.take<T>(g_.n_atoms * both);
  conv.atom.template apply<false, Bias>(of_atoms, atoms, g_.n_atoms);
  conv.first.template apply<false, false>(to, bonds, M);
  std::copy_n(to, M * both, to + M * both);
  for (int h = 0; h < 2 * M; ++h) add(to + h * both, of_atoms + g_.half_centre[h] * both, both);
  work.back_to(mark);
}

template <class T>
void Frame<T>::update_bonds(int i, Stack& tape, Stack& work, T* tile) {
  const AngleConv<T>& conv = m_.bond_convs[i];
  AngleTape& t = of_bonds_[i];
  const int M = g_.n_short, B = g_.n_bonds;
  make_tables(conv, t, i, bonds_[i], tape, work);
  t.received = tape.zeros<T>(M * m_.bond);
  conv.gated.forward(angle_rows(i, true), tables(t, true), t.kept, t.received, tile);
  bonds_[i + 1] = tape.copy(bonds_[i], B * m_.bond);
  const auto mark = work.mark();
  T* weighted = times(t.received, short_weights_, M * m_.bond, work);
  conv.output.template apply<true, false>(bonds_[i + 1], weighted, M);
  if (conv.output.bias)
    for (int u = 0; u < B; ++u) add(bonds_[i + 1] + u * m_.bond, conv.output.bias, m_.bond);
  work.back_to(mark);
}

template <class T>
void Frame<T>::update_angles(int i, Stack& tape, Stack& work, T* tile) {
  const AngleConv<T>& conv = m_.angle_convs[i];
  AngleTape& t = of_angles_[i];
  make_tables(conv, t, i, bonds_[i + 1], tape, work);
  angles_[i + 1] = in_every_order(angles_[i], i, tape);
  conv.gated.forward(angle_rows(i, false), tables(t, false), t.kept, angles_[i + 1], tile);
}

// A copy of angle features (S, …) or (A, …) as (A, …).
template <class T>
T* Frame<T>::in_every_order(const T* angles, int i, Stack& stack) {
  if (i) return stack.copy(angles, g_.n_angles * m_.angle);
  T* found = stack.take<T>(g_.n_angles * m_.angle);
  for (int row = 0; row < g_.n_angles; ++row)
    std::copy_n(angles + g_.stored[row] * m_.angle, m_.angle, found + row * m_.angle);
  return found;
}

template <class T>
void Frame<T>::read_out(const Wanted<T>& wanted, Stack& tape, Stack& work) {
  const int N = g_.n_atoms, n_hidden = int(m_.readout.size()) - 1;
  const auto mark = work.mark();
  if (wanted.moments) {
    site_ = tape.take<T>(N * m_.site.out);
    m_.site.apply(site_, atoms_[n_updates_], N);
    for (int i = 0; i < N; ++i)
      wanted.moments[g_.first_atom + i] = std::abs(site_[i * m_.site.out]);
  }
  const T* x = atoms_[n_conv_];
  if (m_.has_readout_norm) {
    normal_ = tape.take<T>(N * m_.atom), rho_ = tape.take<T>(N);
    T* scaled = tape.take<T>(N * m_.atom);
    for (int i = 0; i < N * m_.atom; i += m_.atom) {
      Row<T, 0> row;
      row.read(x + i, m_.atom / L);
      rho_[i / m_.atom] = m_.readout_norm.normalise(row);
      row.write(normal_ + i, m_.atom / L);
      for (int k = 0; k < m_.atom; k += L)
        store(scaled + i + k, load(normal_ + i + k) * load(m_.readout_norm.gamma + k) +
                                  load(m_.readout_norm.beta + k));
    }
    x = scaled;
  }
  inputs_ = tape.take<const T*>(n_hidden + 1), before_ = tape.take<T*>(n_hidden);
  for (int l = 0; l < n_hidden; ++l) {
    const int out = m_.readout[l].out;
    inputs_[l] = x;
    before_[l] = tape.take<T>(N * out);
    m_.readout[l].apply(before_[l], x, N);
    T* next = tape.take<T>(N * out);
    for (int i = 0; i < N * out; i += L) {
      const V v = load(before_[l] + i);
      store(next + i, v * sigmoid<T>(v));
    }
    x = next;
  }
  inputs_[n_hidden] = x;
  const Linear<T>& last = m_.readout[n_hidden];
  T* energies = work.take<T>(N * last.out);
  last.apply(energies, x, N);
  double total = 0;  // of atoms of equal sign: a sum in float32 would round for nothing
  for (int i = 0; i < N; ++i) total += energies[i * last.out];
  wanted.energies[number_] = T(total);
  work.back_to(mark);
}

}  // namespace rungs
