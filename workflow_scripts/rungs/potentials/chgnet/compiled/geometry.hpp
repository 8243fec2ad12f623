// A frame's geometry: to features, and from their gradients to those of bond vectors.

#pragma once

#include "frame.hpp"

namespace rungs {

template <class T>
void Frame<T>::embed(Stack& tape, Stack& work) {
  const int B = g_.n_bonds, M = g_.n_short, S = g_.n_stored, A = g_.n_angles;
  const int ka = m_.radial_atom.n, kb = m_.radial_bond.n, kf = 2 * m_.angular.n;
  lengths_ = tape.take<T>(B), directions_ = tape.take<T>(3 * B), cosines_ = tape.take<T>(S);
  for (int u = 0; u < B; ++u) {
    const T* r = batch_.vectors + 3 * g_.of_batch(u);
    lengths_[u] = std::sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
    for (int x = 0; x < 3; ++x) directions_[3 * u + x] = r[x] / lengths_[u];
  }
  each_stored([&](int s, int first, int second) {
    const T *n1 = directions_ + 3 * first, *n2 = directions_ + 3 * second;
    cosines_[s] = (n1[0] * n2[0] + n1[1] * n2[1] + n1[2] * n2[2]) * g_.signs[s];
  });
  sine_ = tape.take<T>(B * ka), cosine_ = tape.take<T>(B * ka);
  const auto mark = work.mark();
  T* waves = work.take<T>(std::max(B * ka, M * kb));
  m_.radial_atom.forward(lengths_, B, waves, sine_, cosine_);
  first_bonds_ = tape.take<T>(B * m_.bond), weights_ = tape.take<T>(B * m_.atom);
  m_.bond_embedding.apply(first_bonds_, waves, B);
  m_.atom_weights.apply(weights_, waves, B);
  if (A) {
    short_sine_ = tape.take<T>(M * kb), short_cosine_ = tape.take<T>(M * kb);
    m_.radial_bond.forward(lengths_, M, waves, short_sine_, short_cosine_);
    short_weights_ = tape.take<T>(M * m_.bond);
    m_.bond_weights.apply(short_weights_, waves, M);
    theta_ = tape.take<T>(S), angle_waves_ = tape.take<T>(S * kf);
    m_.angular.forward(cosines_, S, theta_, angle_waves_);
    first_angles_ = tape.take<T>(S * m_.angle);
    m_.angle_embedding.apply(first_angles_, angle_waves_, S);
  }
  work.back_to(mark);
}

// dE/dr (B, 3) from the gradients of what `embed` made.
template <class T>
T* Frame<T>::from_features(const T* bonds_bar, const T* weights_bar, const T* short_weights_bar, const T* angles_bar, Stack& tape, Stack& work) {
  const int B = g_.n_bonds, M = g_.n_short, S = g_.n_stored;
  waves_bar_ = tape.take<T>(B * m_.radial_atom.n);
  m_.bond_embedding.back(waves_bar_, bonds_bar, B);
  m_.atom_weights.template back<true>(waves_bar_, weights_bar, B);
  T* lengths_bar = work.zeros<T>(B);
  m_.radial_atom.backward(lengths_, sine_, cosine_, waves_bar_, B, lengths_bar);
  T* turns = work.zeros<T>(3 * B);
  if (g_.n_angles) {
    short_waves_bar_ = tape.take<T>(M * m_.radial_bond.n);
    m_.bond_weights.back(short_waves_bar_, short_weights_bar, M);
    m_.radial_bond.backward(lengths_, short_sine_, short_cosine_, short_waves_bar_, M,
                            lengths_bar);
    angle_waves_bar_ = tape.take<T>(S * 2 * m_.angular.n);
    m_.angle_embedding.back(angle_waves_bar_, angles_bar, S);
    T* cosines_bar = work.take<T>(S);
    m_.angular.backward(cosines_, angle_waves_, angle_waves_bar_, S, cosines_bar);
    each_stored([&](int s, int first, int second) {
      const T turn = cosines_bar[s] * g_.signs[s];
      for (int x = 0; x < 3; ++x) {
        turns[3 * first + x] += turn * directions_[3 * second + x];
        turns[3 * second + x] += turn * directions_[3 * first + x];
      }
    });
  }
  // The part of a direction's gradient along the direction itself does not turn it.
  for (int u = 0; u < B; ++u) {
    const T* n = directions_ + 3 * u;
    T* t = turns + 3 * u;
    const T along = t[0] * n[0] + t[1] * n[1] + t[2] * n[2];
    for (int x = 0; x < 3; ++x)
      t[x] = (t[x] - along * n[x]) / lengths_[u] + n[x] * lengths_bar[u];
  }
  return turns;
}

// The first atom of a bond moves its vector along, the second against; a strain ε turns r into
// r + r ε.
template <class T>
void Frame<T>::pull(const Wanted<T>& wanted, const T* vectors_bar) const {
  T* virial = wanted.virials ? wanted.virials + 9 * number_ : nullptr;
  if (virial) std::fill_n(virial, 9, T(0));
  T* forces = wanted.forces ? wanted.forces + 3 * g_.first_atom : nullptr;
  if (forces) std::fill_n(forces, 3 * g_.n_atoms, T(0));
  for (int u = 0; u < g_.n_bonds; ++u) {
    const T* bar = vectors_bar + 3 * u;
    if (forces)
      for (int x = 0; x < 3; ++x) {
        forces[3 * g_.centre[2 * u] + x] -= bar[x];
        forces[3 * g_.neighbour[2 * u] + x] += bar[x];
      }
    if (virial) {
      const T* r = batch_.vectors + 3 * g_.of_batch(u);
      for (int x = 0; x < 3; ++x)
        for (int y = 0; y < 3; ++y) virial[3 * x + y] += r[x] * bar[y];
    }
  }
}

// The gradient of the loss with respect to dE/dr.
template <class T>
const T* Frame<T>::direction(const LossBars<T>& loss, Stack& work) const {
  T* dot = work.zeros<T>(3 * g_.n_bonds);
  const T* forces = loss.forces ? loss.forces + 3 * g_.first_atom : nullptr;
  const T* virial = loss.virials ? loss.virials + 9 * number_ : nullptr;
  for (int u = 0; u < g_.n_bonds; ++u) {
    const T* r = batch_.vectors + 3 * g_.of_batch(u);
    for (int y = 0; y < 3; ++y) {
      T& to = dot[3 * u + y];
      if (forces)
        to += forces[3 * g_.neighbour[2 * u] + y] - forces[3 * g_.centre[2 * u] + y];
      if (virial)
        for (int x = 0; x < 3; ++x) to += r[x] * virial[3 * x + y];
    }
  }
  return dot;
}

}  // namespace rungs
