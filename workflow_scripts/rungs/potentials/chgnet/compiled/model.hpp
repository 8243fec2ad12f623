// A CHGNet's layers, and its parameters packed for them: padded, transposed where a product needs it.

#pragma once

#include <vector>

#include "messages.hpp"
#include "waves.hpp"

namespace rungs {

constexpr int kMostReadout = 8;

// What the caller tells of a model; numbers that are not padded.
struct Spec {
  std::int64_t n_elements, n_conv, atom, bond, angle;
  std::int64_t n_radial_atom, n_radial_bond, n_angular;
  std::int64_t hidden_atom, hidden_bond, hidden_angle;  // 0: one layer
  std::int64_t has_norm, has_output_bias, has_readout_norm;
  std::int64_t n_readout, readout[kMostReadout];  // hidden layers of the last network
  double cutoff_atom, cutoff_bond, power_atom, power_bond, epsilon, margin, constant;
};

template <class T>
struct AtomConv {
  Gated<T> gated;
  Linear<T> centre, neighbour, bond, output;
};
template <class T>
struct AngleConv {  // of bonds; or of angles, without output
  Gated<T> gated;
  Linear<T> atom, first, second, angle, output;
};

// Parameters come in the order in which the constructor asks for them:
// compiled/parameters.py lists them.
template <class T>
class Model {
 public:
  static constexpr int L = kLanes<T>;
  Linear<T> embedding;  // (in, out) is (atom, elements): rows are elements
  Linear<T> bond_embedding, atom_weights, bond_weights, angle_embedding, site;
  Radial<T> radial_atom, radial_bond;
  Angular<T> angular;
  std::vector<AtomConv<T>> atom_convs;
  std::vector<AngleConv<T>> bond_convs, angle_convs;
  bool has_readout_norm = false;
  Norm<T> readout_norm;
  std::vector<Linear<T>> readout;
  int atom = 0, bond = 0, angle = 0;  // padded
  std::int64_t tile_size = 0;

  Model(const Spec& s, T* packed) : packed_(packed) {
    const int a = int(s.atom), b = int(s.bond), g = int(s.angle);
    atom = padded<T>(a), bond = padded<T>(b), angle = padded<T>(g);
    const int elements = int(s.n_elements), n_updates = int(s.n_conv) - 1;
    const int k = int(s.n_radial_atom), j = int(s.n_radial_bond), f = int(s.n_angular);
    embedding = linear(elements, a);
    matrix(embedding, {next_++, elements, a, a});
    bond_embedding = linear(b, k), matrix(bond_embedding, {next_++, b, k, k});
    atom_weights = linear(a, k), matrix(atom_weights, {next_++, a, k, k});
    bond_weights = linear(b, j), matrix(bond_weights, {next_++, b, j, j});
    waves_of_angles(s, g, f);
    radial_atom = radial(k, s.cutoff_atom, s.power_atom);
    radial_bond = radial(j, s.cutoff_bond, s.power_bond);
    angular.n = padded<T>(f), angular.margin = T(s.margin);
    angular.frequencies = vector(next_++, f, angular.sums);
    for (int i = 0; i < s.n_conv; ++i) {
      AtomConv<T> conv;
      Linear<T>* inputs[] = {&conv.centre, &conv.bond, &conv.neighbour};
      const int sizes[] = {a, b, a};
      gate(conv.gated, s, 3, inputs, sizes, 1, int(s.hidden_atom), a);
      output(conv.output, s, a);
      atom_convs.push_back(conv);
    }
    for (int i = 0; i < n_updates; ++i) {
      bond_convs.push_back(angle_conv(s, int(s.hidden_bond), b));
      output(bond_convs.back().output, s, b);
    }
    for (int i = 0; i < n_updates - 1; ++i)
      angle_convs.push_back(angle_conv(s, int(s.hidden_angle), g));
    site = linear(1, a, true), matrix(site, {next_++, 1, a, a}), bias(site, next_++, 1);
    has_readout_norm = s.has_readout_norm;
    if (has_readout_norm) readout_norm = norm(a, s.epsilon, next_, next_ + 1);
    next_ += 2;
    int width = a;
    for (int i = 0; i <= s.n_readout; ++i) {
      const int out = i < s.n_readout ? int(s.readout[i]) : 1;
      readout.push_back(linear(out, width, true));
      matrix(readout.back(), {next_++, out, width, width});
      bias(readout.back(), next_++, out);
      width = out;
    }
  }

  std::int64_t packed_size() const { return used_; }
  std::int64_t sums_size() const { return sums_; }
  int n_parameters() const { return next_; }

  // Fills the packed parameters.
  void pack(const T* const* parameters) const {
    std::fill_n(packed_, used_, T(0));
    for (const auto& [place, n] : masks_) std::fill_n(packed_ + place, n, T(1));
    for (const Piece& p : pieces_)
      for (int r = 0; r < p.rows; ++r)
        for (int c = 0; c < p.columns; ++c) {
          const T value = T(p.scale) * parameters[p.parameter][p.from + r * p.stride + c];
          packed_[p.to + std::int64_t(r) * p.to_stride + c] = value;
          if (p.also >= 0) packed_[p.also + std::int64_t(c) * p.also_stride + r] = value;
        }
  }
  // Writes the gradients of the parameters that have a place for them.
  void unpack(const T* sums, T* const* gradients) const {
    for (const Piece& p : pieces_) {
      T* to = gradients[p.parameter];
      if (!to) continue;
      for (int r = 0; r < p.rows; ++r)
        for (int c = 0; c < p.columns; ++c)
          to[p.from + r * p.stride + c] =
              T(p.scale) * sums[p.sums + std::int64_t(r) * p.sums_stride + c];
    }
  }

 private:
  struct Piece {  // of a parameter: a block of its rows and columns
    int parameter, rows, columns;
    std::int64_t from, stride;         // in the parameter
    std::int64_t to, to_stride;        // in the packed ones
    std::int64_t also, also_stride;    // transposed; below 0: not
    std::int64_t sums, sums_stride;
    double scale;
  };
  struct Block {  // where it comes from, and where in a layer it goes to
    int parameter, rows, columns, stride, first_column = 0, to_row = 0, to_column = 0;
    double scale = 1;
  };

  std::int64_t take(std::int64_t n) { return std::exchange(used_, used_ + n); }
  const T* at(std::int64_t place) const { return packed_ ? packed_ + place : nullptr; }

  Linear<T> linear(int out, int in, bool has_bias = false) {
    Linear<T> found;
    found.out = padded<T>(out), found.in = padded<T>(in);
    const std::int64_t size = std::int64_t(found.out) * found.in;
    place_ = take(2 * size + (has_bias ? found.out : 0));
    found.weight = at(place_), found.transposed = at(place_ + size);
    found.bias = has_bias ? at(place_ + 2 * size) : nullptr;
    found.sums = std::exchange(sums_, sums_ + size + found.out);
    return found;
  }
  std::int64_t place_of(const Linear<T>& layer) const {
    return packed_ ? layer.weight - packed_ : place_;
  }
  void matrix(const Linear<T>& layer, const Block& b) {
    const std::int64_t size = std::int64_t(layer.out) * layer.in, place = place_of(layer);
    const std::int64_t at = std::int64_t(b.to_row) * layer.in + b.to_column;
    pieces_.push_back({b.parameter, b.rows, b.columns, b.first_column, b.stride, place + at,
                       layer.in, place + size + std::int64_t(b.to_column) * layer.out + b.to_row,
                       layer.out, layer.sums + at, layer.in, b.scale});
  }
  void bias(const Linear<T>& layer, int parameter, int n, int to_row = 0) {
    const std::int64_t size = std::int64_t(layer.out) * layer.in;
    pieces_.push_back({parameter, 1, n, 0, n, place_of(layer) + 2 * size + to_row, n, -1, 0,
                       layer.sums + size + to_row, n, 1});
  }
  const T* vector(int parameter, int n, std::int64_t& sums) {
    const std::int64_t place = take(padded<T>(n));
    sums = std::exchange(sums_, sums_ + padded<T>(n));
    pieces_.push_back({parameter, 1, n, 0, n, place, n, -1, 0, sums, n, 1});
    return at(place);
  }
  Norm<T> norm(int width, double epsilon, int gamma, int beta) {
    Norm<T> found;
    found.width = width, found.count = padded<T>(width) / L, found.epsilon = T(epsilon);
    std::int64_t of_beta;  // follows that of γ
    found.gamma = vector(gamma, width, found.sums), found.beta = vector(beta, width, of_beta);
    const std::int64_t place = take(padded<T>(width));
    masks_.push_back({place, width});
    found.mask = at(place);
    return found;
  }
  Radial<T> radial(int n, double cutoff, double power) {
    Radial<T> found;
    found.n = padded<T>(n), found.cutoff = cutoff, found.power = power;
    found.frequencies = vector(next_++, n, found.sums);
    return found;
  }
  // The constant term of the Fourier series is a bias; all terms are divided by √π.
  void waves_of_angles(const Spec& s, int g, int f) {
    const double scale = 1 / std::sqrt(3.14159265358979323846);
    const int parameter = next_++, columns = 1 + 2 * f;
    angle_embedding = linear(g, 2 * padded<T>(f), true);
    matrix(angle_embedding, {parameter, g, f, columns, 1, 0, 0, scale});
    matrix(angle_embedding, {parameter, g, f, columns, 1 + f, 0, padded<T>(f), scale});
    const std::int64_t size = std::int64_t(angle_embedding.out) * angle_embedding.in;
    pieces_.push_back({parameter, g, 1, 0, columns, place_of(angle_embedding) + 2 * size, 1, -1, 0,
                       angle_embedding.sums + size, 1, scale * s.constant});
  }
  // The first layer is cut into one for each input; the bias is with input `with_bias`.
  void gate(Gated<T>& gated, const Spec& s, int n_inputs, Linear<T>** inputs, const int* sizes,
            int with_bias, int hidden, int width) {
    const int first = next_, inner = hidden ? hidden : width;
    next_ += 12;
    gated.hidden = padded<T>(inner), gated.width = padded<T>(width);
    gated.two_layers = hidden > 0, gated.has_norm = s.has_norm;
    int all = 0, column = 0;
    for (int i = 0; i < n_inputs; ++i) all += sizes[i];
    for (int i = 0; i < n_inputs; ++i) {
      *inputs[i] = linear(2 * gated.hidden, sizes[i], i == with_bias);
      for (int g = 0; g < 2; ++g) {
        matrix(*inputs[i],
               {first + 2 * g, inner, sizes[i], all, column, g * gated.hidden, 0});
        if (i == with_bias) bias(*inputs[i], first + 2 * g + 1, inner, g * gated.hidden);
      }
      column += sizes[i];
    }
    for (int g = 0; g < 2; ++g) {
      if (hidden) {
        gated.layer[g] = linear(width, hidden, true);
        matrix(gated.layer[g], {first + 4 + 2 * g, width, hidden, hidden});
        bias(gated.layer[g], first + 5 + 2 * g, width);
      }
      if (s.has_norm)
        gated.norm[g] = norm(width, s.epsilon, first + 8 + 2 * g, first + 9 + 2 * g);
    }
    tile_size = std::max(tile_size, gated.tile_size());
  }
  void output(Linear<T>& layer, const Spec& s, int width) {
    layer = linear(width, width, s.has_output_bias);
    matrix(layer, {next_, width, width, width});
    if (s.has_output_bias) bias(layer, next_ + 1, width);
    next_ += 2;
  }
  AngleConv<T> angle_conv(const Spec& s, int hidden, int width) {
    AngleConv<T> conv;
    Linear<T>* inputs[] = {&conv.first, &conv.second, &conv.angle, &conv.atom};
    const int sizes[] = {int(s.bond), int(s.bond), int(s.angle), int(s.atom)};
    gate(conv.gated, s, 4, inputs, sizes, 3, hidden, width);
    return conv;
  }

  T* packed_;
  std::int64_t used_ = 0, sums_ = 0, place_ = 0;
  int next_ = 0;
  std::vector<Piece> pieces_;
  std::vector<std::pair<std::int64_t, int>> masks_;
};

}  // namespace rungs
