// One frame through the network and back: `evaluate` forward and towards the geometry, `learn` along
// a direction of the geometry and back from the loss. Between the two everything stays on a stack.

#pragma once

#include "graphs.hpp"
#include "model.hpp"

namespace rungs {

template <class T>
struct Wanted {  // results of all frames; null: not wanted
  T *energies, *forces, *virials, *moments;  // (G) in eV, (N, 3), (G, 3, 3) in eV, (N)
};
template <class T>
struct LossBars {  // gradients of the loss; null: does not depend on it
  const T *energies, *forces, *virials, *moments;
};

template <class T>
class Frame {
  using V = Vec<T>;
  static constexpr int L = kLanes<T>;

  struct AtomTape {
    T *centre, *neighbour, *bond, *received, *output_bar, *received_bar;
    Kept<T> kept;
    T *centre_bar, *neighbour_bar, *bond_bar;
  };
  struct AngleTape {
    T *halves, *second, *angle, *received, *output_bar, *received_bar, *message_bar;
    Kept<T> kept;
    T *atom_bar, *halves_bar, *first_bar, *second_bar, *angle_bar;
    int n_inputs;  // rows of the table of angles
  };
  struct Dots {  // tangents that the way back needs
    Tables<T> tables;
    Kept<T> kept;
    T* received;
  };

 public:
  Frame(const Model<T>& model, const Batch<T>& batch, std::int64_t number, Stack& tape)
      : m_(model), batch_(batch), number_(number), g_(batch, number, tape) {
    n_conv_ = int(m_.atom_convs.size()), n_updates_ = n_conv_ - 1;
  }

  // `work` is for what is of no use after the call.
  void evaluate(const Wanted<T>& wanted, Stack& tape, Stack& work, T* tile) {
    embed(tape, work);
    atoms_ = tape.take<T*>(n_conv_ + 1), bonds_ = tape.take<T*>(n_conv_);
    angles_ = tape.take<T*>(n_conv_), of_atoms_ = tape.take<AtomTape>(n_conv_);
    of_bonds_ = tape.take<AngleTape>(n_updates_), of_angles_ = tape.take<AngleTape>(n_updates_);
    atoms_[0] = tape.take<T>(g_.n_atoms * m_.atom);
    const std::int64_t* numbers = batch_.numbers + g_.first_atom;
    for (int i = 0; i < g_.n_atoms; ++i)
      std::copy_n(m_.embedding.weight + (numbers[i] - 1) * m_.atom, m_.atom,
                  atoms_[0] + i * m_.atom);
    bonds_[0] = first_bonds_, angles_[0] = first_angles_;
    for (int i = 0; i < n_conv_; ++i) {
      update_atoms(i, tape, work, tile);
      if (i == n_updates_) break;
      bonds_[i + 1] = bonds_[i], angles_[i + 1] = angles_[i];
      if (!g_.n_angles) continue;
      update_bonds(i, tape, work, tile);
      if (i < n_updates_ - 1) update_angles(i, tape, work, tile);
    }
    read_out(wanted, tape, work);
    if (wanted.forces || wanted.virials) {
      T* vectors_bar = to_geometry(tape, work, tile);
      pull(wanted, vectors_bar);
    }
  }

  // Adds the gradients of the parameters to `sums`; after `evaluate`, on the same tape.
  void learn(const LossBars<T>& loss, Stack& work, T* sums, T* tile) {
    const T* vectors_dot = loss.forces || loss.virials ? direction(loss, work) : nullptr;
    if (vectors_dot) {
      along(vectors_dot, work, sums, tile);
      back<true>(loss, work, sums, tile);
    } else {
      back<false>(loss, work, sums, tile);
    }
  }

 private:
  void embed(Stack& tape, Stack& work);
  T* from_features(const T* bonds_bar, const T* weights_bar, const T* short_weights_bar, const T* angles_bar, Stack& tape, Stack& work);
  void pull(const Wanted<T>& wanted, const T* vectors_bar) const;
  const T* direction(const LossBars<T>& loss, Stack& work) const;

  void update_atoms(int i, Stack& tape, Stack&, T* tile);
  void make_tables(const AngleConv<T>& conv, AngleTape& t, int i, const T* bonds, Stack& tape, Stack& work);
  template <bool Bias>
  void halves(const AngleConv<T>& conv, T* to, const T* atoms, const T* bonds, Stack& work) const;
  void update_bonds(int i, Stack& tape, Stack& work, T* tile);
  void update_angles(int i, Stack& tape, Stack& work, T* tile);
  T* in_every_order(const T* angles, int i, Stack& stack);
  void read_out(const Wanted<T>& wanted, Stack& tape, Stack& work);

  T* to_geometry(Stack& tape, Stack& work, T* tile);
  T* read_out_back(Stack& tape);
  void atoms_back(int i, T* atoms_bar, T* bonds_bar, T* weights_bar, Stack& tape, Stack&, T* tile);
  void tables_back(const AngleConv<T>& conv, AngleTape& t, int i, bool summed, const T* message_bar, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& tape, T* tile);
  void gather_halves(const T* halves_bar, int both, T* atom_bar, T* first_bar) const;
  void bonds_back(int i, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& tape, Stack&, T* tile);
  T* angles_back(int i, T* atoms_bar, T* bonds_bar, T* later_bar, Stack& tape, Stack&, T* tile);
  T* in_stored_order(const T* bar, int i, Stack& stack) const;

  void along(const T* vectors_dot, Stack& work, T* sums, T* tile);
  void carry(const Linear<T>& layer, const T* y_bar, const T* x_dot, T* y_dot, int rows, T* sums) const;
  void atoms_along(int i, const T* bonds_dot, const T* weights_dot, Stack& work, T* sums, T* tile);
  void tables_along(const AngleConv<T>& conv, const AngleTape& t, Dots& d, int i, bool summed, const T* bonds_dot, const T* angles_dot, T* received_dot, Stack& work, T* sums, T* tile);
  void bonds_along(int i, T* bonds_dot, const T* angles_dot, Stack& work, T* sums, T* tile);
  T* angles_along(int i, const T* bonds_dot, const T* angles_dot, Stack& work, T* sums, T* tile);
  void read_out_along(Stack& work, T* sums);

  template <bool Dot>
  void back(const LossBars<T>& loss, Stack& work, T* sums, T* tile);
  template <bool Dot>
  T* read_out_last(const LossBars<T>& loss, Stack& work, T* sums);
  void moments_last(const T* moments_bar, T* atoms_bar, Stack& work, T* sums) const;
  template <bool Dot>
  void atoms_last(int i, T* atoms_bar, T* bonds_bar, T* weights_bar, Stack& work, T* sums, T* tile) const;
  template <bool Dot>
  void tables_last(const AngleConv<T>& conv, const AngleTape& t, const Dots& d, int i, bool summed, const T* bonds, const T* message_bar, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& work, T* sums, T* tile) const;
  template <bool Dot>
  void bonds_last(int i, T* atoms_bar, T* bonds_bar, T* angles_bar, T* short_bar, Stack& work, T* sums, T* tile) const;
  template <bool Dot>
  T* angles_last(int i, T* atoms_bar, T* bonds_bar, const T* later_bar, Stack& work, T* sums, T* tile) const;

  template <class Visit>
  void each_stored(Visit visit) const {
    for (int s = 0; s < g_.n_stored; ++s) {
      const int row = s < g_.n_mirrored ? 2 * s : g_.n_mirrored + s;
      visit(s, g_.first[row], g_.second[row]);
    }
  }
  Rows atom_rows() const {
    return {2 * g_.n_bonds, g_.centre, g_.neighbour, g_.bond, g_.bond, g_.centre};
  }
  // `i` numbers the angles' features: the first are those of stored angles, later ones have an order.
  Rows angle_rows(int i, bool summed) const {
    return {g_.n_angles, g_.half, g_.second, i ? g_.every : g_.stored,
            summed ? g_.second : nullptr, summed ? g_.first : nullptr};
  }
  int n_angle_rows(int i) const { return i ? g_.n_angles : g_.n_stored; }
  Tables<T> tables(const AtomTape& t) const { return {t.centre, t.neighbour, t.bond, weights_}; }
  Tables<T> tables(const AngleTape& t, bool summed) const {
    return {t.halves, t.second, t.angle, summed ? short_weights_ : nullptr};
  }
  static Kept<T> keep(const Gated<T>& gated, int rows, Stack& stack) {
    return {stack.take<T>(rows * 2 * gated.width), stack.take<T>(2 * rows)};
  }
  static T* times(const T* a, const T* b, int n, Stack& work) {
    T* found = work.take<T>(n);
    for (int i = 0; i < n; i += L) store(found + i, load(a + i) * load(b + i));
    return found;
  }

  const Model<T>& m_;
  const Batch<T>& batch_;
  const std::int64_t number_;
  const FrameGraph<T> g_;
  int n_conv_, n_updates_;
  // of the geometry
  T *lengths_, *directions_, *cosines_, *sine_, *cosine_, *first_bonds_, *weights_;
  T *short_sine_, *short_cosine_, *short_weights_, *theta_, *angle_waves_, *first_angles_ = nullptr;
  T *waves_bar_, *short_waves_bar_, *angle_waves_bar_;
  T *bonds_bar_, *weights_bar_, *short_weights_bar_, *angles_bar_;
  // of the updates
  T **atoms_, **bonds_, **angles_;
  AtomTape* of_atoms_;
  AngleTape *of_bonds_, *of_angles_;
  // of the last network
  T *site_, *normal_, *rho_, *one_, *scaled_bar_;
  const T** inputs_;
  T **before_, **after_bar_, **before_bar_;
  // of the tangents
  Dots *atom_dots_, *bond_dots_, *angle_dots_;
  T *short_weights_dot_, *atoms_dot_, *normal_dot_, *overlaps_, **before_dot_;
};

}  // namespace rungs
