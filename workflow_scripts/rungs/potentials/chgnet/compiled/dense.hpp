// Rows of features, and what is linear in them. All rows are padded with zeros to a multiple of the
// lanes, so that no loop has a remainder.

#pragma once

#include <algorithm>
#include <cmath>

#include "vectors.hpp"

namespace rungs {

template <class T>
constexpr int padded(int n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

template <class T>
inline void add(T* to, const T* from, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes<T>) store(to + i, load(to + i) + load(from + i));
}

// Adds the rows of x (R, n) to `to` (n).
template <class T>
inline void add_up(T* to, const T* x, int rows, int n) {
  for (int r = 0; r < rows; ++r) add(to, x + std::int64_t(r) * n, n);
}

// y = W x + bias. Names ending in _bar are gradients, those in _dot tangents.
template <class T>
struct Linear {
  int in = 0, out = 0;  // padded
  const T* weight = nullptr;      // (out, in)
  const T* transposed = nullptr;  // (in, out)
  const T* bias = nullptr;        // (out), or null
  std::int64_t sums = 0;          // where the gradients of weight and bias are among a worker's sums

  // y (R, out) of x (R, in), or added to it. Tangents have no bias.
  template <bool Add = false, bool Bias = true>
  void apply(T* y, const T* x, int rows) const {
    if (Bias && bias) {
      for (int r = 0; r < rows; ++r) {
        T* to = y + std::int64_t(r) * out;
        if (Add)
          add(to, bias, out);
        else
          std::copy_n(bias, out, to);
      }
      product<T, true>(y, out, x, in, 1, transposed, out, rows, out, in);
    } else {
      product<T, Add>(y, out, x, in, 1, transposed, out, rows, out, in);
    }
  }
  template <bool Add = false>
  void back(T* x_bar, const T* y_bar, int rows) const {
    product<T, Add>(x_bar, in, y_bar, out, 1, weight, in, rows, in, out);
  }
  // Adds the gradient y_barᵀ x.
  void gradient(T* all_sums, const T* y_bar, const T* x, int rows) const {
    product<T, true>(all_sums + sums, in, y_bar, 1, out, x, in, out, in, rows);
  }
  void bias_gradient(T* all_sums, const T* y_bar, int rows) const {
    if (bias) add_up(all_sums + sums + std::int64_t(out) * in, y_bar, rows, out);
  }
};

// A row in registers: N vectors, or as many as a caller says where N is 0; 256 numbers of float64 at
// the most, which parameters.py sees to.
constexpr int kMostVectors = 256 * 8 / kVectorBytes;
template <class T, int N>
struct Row {
  using V = Vec<T>;
  V v[N ? N : kMostVectors];
  void read(const T* from, int count) {
    for (int k = 0; k < (N ? N : count); ++k) v[k] = load(from + k * kLanes<T>);
  }
  void write(T* to, int count) const {
    for (int k = 0; k < (N ? N : count); ++k) store(to + k * kLanes<T>, v[k]);
  }
};

// γ n + β with n = (x - mean) ρ, ρ = 1 / √(variance + ε), of a row. For a given x the gradient is
// linear and symmetric in w = γ y_bar: x_bar = ρ (w - mean(w) - n mean(n w)).
template <class T>
struct Norm {
  using V = Vec<T>;
  static constexpr int L = kLanes<T>;
  int width = 0, count = 0;  // numbers, vectors
  const T *gamma = nullptr, *beta = nullptr;
  const T* mask = nullptr;  // 1 for numbers, 0 for padding
  T epsilon = 0;
  std::int64_t sums = 0;  // of γ; those of β follow

  // x becomes n; returns ρ.
  template <int N>
  T normalise(Row<T, N>& x) const {
    const int m = N ? N : count;
    const T inverse = T(1) / T(width);
    V all{};
    for (int k = 0; k < m; ++k) all += x.v[k];
    const T mean = sum<T>(all) * inverse;
    V squares{};
    for (int k = 0; k < m; ++k) {
      x.v[k] = (x.v[k] - mean) * load(mask + k * L);
      squares += x.v[k] * x.v[k];
    }
    const T rho = T(1) / std::sqrt(sum<T>(squares) * inverse + epsilon);
    for (int k = 0; k < m; ++k) x.v[k] *= rho;
    return rho;
  }
  // x_dot becomes n_dot; returns the mean of n x_dot.
  template <int N>
  T tangent(Row<T, N>& dot, const Row<T, N>& n, T rho) const {
    T mean, overlap;
    means(dot, n, mean, overlap);
    project(dot, n, rho, mean, overlap);
    return overlap;
  }
  // The gradient of γ n + β becomes that of x.
  template <int N>
  void back(Row<T, N>& bar, const Row<T, N>& n, T rho) const {
    for (int k = 0; k < (N ? N : count); ++k) bar.v[k] *= load(gamma + k * L);
    T mean, common;
    means(bar, n, mean, common);
    project(bar, n, rho, mean, common);
  }
  // The last sweep: e is the gradient of γ n + β, f that of the sweep towards the geometry, n_dot and
  // overlap are what `tangent` made. Both become gradients of x; e's has with it that ρ and n in f's
  // depend on x. Adds γ's and β's gradients.
  template <bool Dot, int N>
  void second(Row<T, N>& e, Row<T, N>& f, const Row<T, N>& n, const Row<T, N>& dot, T rho,
              T overlap, T* all_sums) const {
    const int m = N ? N : count;
    T *gamma_sum = all_sums + sums, *beta_sum = gamma_sum + m * L;
    const T inverse = T(1) / T(width);
    V e_all{}, e_along{}, f_all{}, f_along{}, slide{};
    for (int k = 0; k < m; ++k) {
      const V g = load(gamma + k * L);
      V of_gamma = e.v[k] * n.v[k];
      store(beta_sum + k * L, load(beta_sum + k * L) + e.v[k]);
      e.v[k] *= g;
      e_all += e.v[k];
      e_along += e.v[k] * n.v[k];
      if constexpr (Dot) {
        of_gamma += f.v[k] * dot.v[k];
        f.v[k] *= g;
        f_all += f.v[k];
        f_along += f.v[k] * n.v[k];
        slide += f.v[k] * dot.v[k];
      }
      store(gamma_sum + k * L, load(gamma_sum + k * L) + of_gamma);
    }
    T mean = sum<T>(e_all) * inverse, common = sum<T>(e_along) * inverse;
    if constexpr (Dot) {
      const T f_mean = sum<T>(f_all) * inverse, f_common = sum<T>(f_along) * inverse;
      // The gradient of ρ (f - mean(f) - n mean(n f)) · x_dot, where x_dot = n_dot / ρ + overlap n
      // but for a constant, which is projected out. Mean(n n_dot) and mean(n²) add up to 1 overlap.
      const T turn = rho * overlap;
      mean -= turn * f_mean;
      common += sum<T>(slide) * inverse - 2 * turn * f_common;
      for (int k = 0; k < m; ++k)
        e.v[k] -= turn * f.v[k] + f_common * (dot.v[k] + turn * n.v[k]);
      project(f, n, rho, f_mean, f_common);
    }
    project(e, n, rho, mean, common);
  }

 private:
  template <int N>
  void means(const Row<T, N>& x, const Row<T, N>& n, T& mean, T& common) const {
    V all{}, along{};
    for (int k = 0; k < (N ? N : count); ++k) {
      all += x.v[k];
      along += x.v[k] * n.v[k];
    }
    mean = sum<T>(all) / T(width), common = sum<T>(along) / T(width);
  }
  template <int N>
  void project(Row<T, N>& x, const Row<T, N>& n, T rho, T mean, T common) const {
    for (int k = 0; k < (N ? N : count); ++k)
      x.v[k] = rho * (x.v[k] - mean * load(mask + k * L) - common * n.v[k]);
  }
};

}  // namespace rungs
