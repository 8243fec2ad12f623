// Back from the loss, to the gradients of all parameters; with what the tangents add (Dot).

#pragma once

#include "frame.hpp"

namespace rungs {

template <class T>
template <bool Dot>
void Frame<T>::back(const LossBars<T>& loss, Stack& work, T* sums, T* tile) {
  const int N = g_.n_atoms, B = g_.n_bonds, M = g_.n_short, S = g_.n_stored;
  T* atoms_bar = read_out_last<Dot>(loss, work, sums);
  T *bonds_bar = work.zeros<T>(B * m_.bond), *weights_bar = work.zeros<T>(B * m_.atom);
  T* short_bar = work.zeros<T>(M * m_.bond);
  T* angles_bar = g_.n_angles ? work.zeros<T>(n_angle_rows(n_updates_ - 1) * m_.angle) : nullptr;
  for (int i = n_conv_ - 1; i >= 0; --i) {
    if (i < n_updates_ && g_.n_angles) {
      if (i < n_updates_ - 1)
        angles_bar = angles_last<Dot>(i, atoms_bar, bonds_bar, angles_bar, work, sums, tile);
      bonds_last<Dot>(i, atoms_bar, bonds_bar, angles_bar, short_bar, work, sums, tile);
    }
    atoms_last<Dot>(i, atoms_bar, bonds_bar, weights_bar, work, sums, tile);
    if (i == n_updates_ && loss.moments) moments_last(loss.moments, atoms_bar, work, sums);
  }
  const std::int64_t* numbers = batch_.numbers + g_.first_atom;
  for (int i = 0; i < N; ++i)
    add(sums + m_.embedding.sums + (numbers[i] - 1) * m_.atom, atoms_bar + i * m_.atom, m_.atom);
  // The geometry: nothing but the frequencies of its waves is behind it.
  T* waves = work.take<T>(B * m_.radial_atom.n);
  m_.radial_atom.again(lengths_, sine_, B, waves);
  m_.bond_embedding.gradient(sums, bonds_bar, waves, B);
  m_.atom_weights.gradient(sums, weights_bar, waves, B);
  m_.bond_embedding.back(waves, bonds_bar, B);
  m_.atom_weights.template back<true>(waves, weights_bar, B);
  m_.radial_atom.second(lengths_, cosine_, waves, B, sums);
  if (!g_.n_angles) return;
  waves = work.take<T>(std::max(M * m_.radial_bond.n, S * 2 * m_.angular.n));
  m_.radial_bond.again(lengths_, short_sine_, M, waves);
  m_.bond_weights.gradient(sums, short_bar, waves, M);
  m_.bond_weights.back(waves, short_bar, M);
  m_.radial_bond.second(lengths_, short_cosine_, waves, M, sums);
  m_.angle_embedding.gradient(sums, angles_bar, angle_waves_, S);
  m_.angle_embedding.bias_gradient(sums, angles_bar, S);
  m_.angle_embedding.back(waves, angles_bar, S);
  m_.angular.second(theta_, angle_waves_, waves, S, sums);
}

template <class T>
template <bool Dot>
T* Frame<T>::read_out_last(const LossBars<T>& loss, Stack& work, T* sums) {
  const int N = g_.n_atoms, n_hidden = int(m_.readout.size()) - 1;
  const Linear<T>& last = m_.readout[n_hidden];
  T* out_bar = work.zeros<T>(N * last.out);
  if (loss.energies)
    for (int i = 0; i < N; ++i) out_bar[i * last.out] = loss.energies[number_];
  last.gradient(sums, out_bar, inputs_[n_hidden], N);
  last.bias_gradient(sums, out_bar, N);
  T* bar = work.take<T>(N * last.in);
  last.back(bar, out_bar, N);
  for (int l = n_hidden - 1; l >= 0; --l) {
    const Linear<T>& layer = m_.readout[l];
    for (int i = 0; i < N * layer.out; i += L) {
      const V x = load(before_[l] + i), s = sigmoid<T>(x);
      V x_bar = load(bar + i) * silu_slope<T>(x, s);
      if constexpr (Dot)
        x_bar += load(after_bar_[l] + i) * silu_bend<T>(x, s) * load(before_dot_[l] + i);
      store(bar + i, x_bar);
    }
    layer.gradient(sums, bar, inputs_[l], N);
    layer.bias_gradient(sums, bar, N);
    T* before = work.take<T>(N * layer.in);
    layer.back(before, bar, N);
    bar = before;
  }
  if (!m_.has_readout_norm) return bar;
  for (int i = 0; i < N; ++i) {
    const int at = i * m_.atom, count = m_.atom / L;
    Row<T, 0> row, earlier, normal, dot;
    row.read(bar + at, count), normal.read(normal_ + at, count);
    if constexpr (Dot) earlier.read(scaled_bar_ + at, count), dot.read(normal_dot_ + at, count);
    m_.readout_norm.template second<Dot>(row, earlier, normal, dot, rho_[i],
                                         Dot ? overlaps_[i] : T(0), sums);
    row.write(bar + at, count);
  }
  return bar;
}

template <class T>
void Frame<T>::moments_last(const T* moments_bar, T* atoms_bar, Stack& work, T* sums) const {
  const int N = g_.n_atoms;
  T* bar = work.zeros<T>(N * m_.site.out);
  for (int i = 0; i < N; ++i) {
    const T moment = site_[i * m_.site.out];
    const T sign = T(moment > 0) - T(moment < 0);
    bar[i * m_.site.out] = moments_bar[g_.first_atom + i] * sign;
  }
  m_.site.gradient(sums, bar, atoms_[n_updates_], N);
  m_.site.bias_gradient(sums, bar, N);
  m_.site.template back<true>(atoms_bar, bar, N);
}

template <class T>
template <bool Dot>
void Frame<T>::atoms_last(int i, T* atoms_bar, T* bonds_bar, T* weights_bar, Stack& work, T* sums, T* tile) const {
  const AtomConv<T>& conv = m_.atom_convs[i];
  const AtomTape& t = of_atoms_[i];
  const Dots d = Dot ? atom_dots_[i] : Dots{};
  const int N = g_.n_atoms, B = g_.n_bonds, both = conv.gated.table_width();
  const auto mark = work.mark();
  conv.output.gradient(sums, atoms_bar, t.received, N);
  conv.output.bias_gradient(sums, atoms_bar, N);
  T* received_bar = work.take<T>(N * m_.atom);
  conv.output.back(received_bar, atoms_bar, N);
  T *centre_bar = work.zeros<T>(N * both), *neighbour_bar = work.zeros<T>(N * both);
  T* bond_bar = work.zeros<T>(B * both);
  conv.gated.template second<Dot>(atom_rows(), tables(t), t.kept, d.tables, d.kept, t.received_bar,
                                  received_bar, {centre_bar, neighbour_bar, bond_bar, weights_bar},
                                  sums, tile);
  conv.centre.gradient(sums, centre_bar, atoms_[i], N);
  conv.neighbour.gradient(sums, neighbour_bar, atoms_[i], N);
  conv.bond.gradient(sums, bond_bar, bonds_[i], B);
  conv.bond.bias_gradient(sums, bond_bar, B);
  conv.centre.template back<true>(atoms_bar, centre_bar, N);
  conv.neighbour.template back<true>(atoms_bar, neighbour_bar, N);
  conv.bond.template back<true>(bonds_bar, bond_bar, B);
  work.back_to(mark);
}

template <class T>
template <bool Dot>
void Frame<T>::tables_last(const AngleConv<T>& conv, const AngleTape& t, const Dots& d, int i, bool summed, const T* bonds, const T* message_bar, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& work, T* sums, T* tile) const {
  const int N = g_.n_atoms, M = g_.n_short, both = conv.gated.table_width();
  T *halves_bar = work.zeros<T>(2 * M * both), *second_bar = work.zeros<T>(M * both);
  T* angle_bar = work.zeros<T>(t.n_inputs * both);
  conv.gated.template second<Dot>(angle_rows(i, summed), tables(t, summed), t.kept, d.tables, d.kept,
                                  t.message_bar, message_bar,
                                  {halves_bar, second_bar, angle_bar, short_bar}, sums, tile);
  T *atom_bar = work.zeros<T>(N * both), *first_bar = work.take<T>(M * both);
  gather_halves(halves_bar, both, atom_bar, first_bar);
  conv.atom.gradient(sums, atom_bar, atoms_[i + 1], N);
  conv.atom.bias_gradient(sums, atom_bar, N);
  conv.first.gradient(sums, first_bar, bonds, M);
  conv.second.gradient(sums, second_bar, bonds, M);
  conv.angle.gradient(sums, angle_bar, angles_[i], t.n_inputs);
  conv.atom.template back<true>(atoms_bar, atom_bar, N);
  conv.first.template back<true>(bonds_bar, first_bar, M);
  conv.second.template back<true>(bonds_bar, second_bar, M);
  conv.angle.template back<true>(angles_bar, angle_bar, t.n_inputs);
}

template <class T>
template <bool Dot>
void Frame<T>::bonds_last(int i, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& work, T* sums, T* tile) const {
  const AngleConv<T>& conv = m_.bond_convs[i];
  const AngleTape& t = of_bonds_[i];
  const Dots d = Dot ? bond_dots_[i] : Dots{};
  const int M = g_.n_short, n = M * m_.bond;
  const auto mark = work.mark();
  T* weighted = times(t.received, short_weights_, n, work);
  conv.output.gradient(sums, bonds_bar, weighted, M);
  conv.output.bias_gradient(sums, bonds_bar, g_.n_bonds);
  T *received_bar = work.take<T>(n), *message_bar = work.take<T>(n);
  conv.output.back(received_bar, bonds_bar, M);
  for (int k = 0; k < n; k += L) {
    const V bar = load(received_bar + k);
    V message = bar * load(short_weights_ + k);
    V of_weight = load(short_bar + k) + bar * load(t.received + k);
    if constexpr (Dot) {
      const V earlier = load(t.received_bar + k);
      message += earlier * load(short_weights_dot_ + k);
      of_weight += earlier * load(d.received + k);
    }
    store(message_bar + k, message);
    store(short_bar + k, of_weight);
  }
  tables_last<Dot>(conv, t, d, i, true, bonds_[i], message_bar, atoms_bar, bonds_bar, angles_bar,
                   short_bar, work, sums, tile);
  work.back_to(mark);
}

template <class T>
template <bool Dot>
T* Frame<T>::angles_last(int i, T* atoms_bar, T* bonds_bar, const T* later_bar, Stack& work, T* sums, T* tile) const {
  T* angles_bar = in_stored_order(later_bar, i, work);
  const auto mark = work.mark();
  tables_last<Dot>(m_.angle_convs[i], of_angles_[i], Dot ? angle_dots_[i] : Dots{}, i, false,
                   bonds_[i + 1], later_bar, atoms_bar, bonds_bar, angles_bar, nullptr, work, sums,
                   tile);
  work.back_to(mark);
  return angles_bar;
}

}  // namespace rungs
