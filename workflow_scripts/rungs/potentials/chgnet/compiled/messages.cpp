// Gated messages of CHGNet in one pass over their rows: gather, gated network, weight, sum.
//
//   x_r = a[ia_r] + b[ib_r] + c[ic_r]                     first layer of core and gate
//   z   = W silu(x) + bias                                second layer, if there is one
//   y   = silu(norm(z_core)) sigmoid(norm(z_gate))
//   out[owner_r] += y w[iw_r]
//
// and two sweeps back through it. `backward` turns the gradient of out into those of a, b, c, w and
// of the parameters. `second` differentiates S = Σ gradients · tangents, where the gradients are
// what `backward` finds for a, b, c, w, and the tangents what the last sweep brings for them. S is
// also the gradient of out times the tangent of out, so one forward pass of the tangents (named
// _dot) and one sweep back (named _bar) give all of its derivatives.
//
// Rows go through in tiles that stay in the cache: nothing of the size of the rows is kept but z.

#include <algorithm>
#include <cmath>
#include <vector>

#include "vectors.hpp"

namespace rungs {

constexpr int kTile = 24;

template <class T>
struct Gate {  // core (0) or gate (1)
  const T *weight, *bias, *gamma, *beta;
};

template <class T>
struct Block {
  std::int64_t hidden, width;  // of the first layer, of the output; for each of core and gate
  std::int64_t has_second_layer, has_norm;
  std::int64_t n_parts;  // independent parts of the rows, for one thread each
  // rows[starts[p]:starts[p + 1]] are pairs of first and last row of the pieces of part p
  const std::int64_t *starts, *pieces;
  const std::int64_t *ia, *ib, *ic, *iw, *owners;  // null: no weight; every row its own owner
  const T *a, *b, *c, *w;
  Gate<T> gates[2];
  double epsilon[2];
};

template <class T>
struct Gradients {  // any of them may be null, and the parameters' together
  T *a, *b, *c, *w, *out;
  T *weight[2], *bias[2], *gamma[2], *beta[2];
};

template <class T>
struct Tangents {
  const T *a, *b, *c, *w;
};

inline int padded(int n, int lanes) { return (n + lanes - 1) / lanes * lanes; }

// Copies or adds a row whose length may not be a multiple of the lanes; padding stays 0.
template <class T>
inline void add_row(T* to, const T* from, int n) {
  int i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) store(to + i, load(to + i) + load(from + i));
  for (; i < n; ++i) to[i] += from[i];
}

template <class T>
class Worker {
 public:
  using V = Vec<T>;
  static constexpr int L = kLanes<T>;

  explicit Worker(const Block<T>& block)
      : k_(block),
        h_(int(block.hidden)),
        d_(int(block.width)),
        hp_(padded(h_, L)),
        dp_(padded(d_, L)),
        mask_(dp_, T(0)) {
    std::fill(mask_.begin(), mask_.begin() + d_, T(1));
    for (int g = 0; g < 2; ++g) {
      x_[g].assign(kTile * hp_, T(0));
      s_[g].assign(kTile * hp_, T(0));
      z_[g].assign(kTile * dp_, T(0));
      gamma_[g].assign(dp_, T(0));
      beta_[g].assign(dp_, T(0));
      if (k_.has_norm) {
        std::copy_n(k_.gates[g].gamma, d_, gamma_[g].begin());
        std::copy_n(k_.gates[g].beta, d_, beta_[g].begin());
      }
      if (!k_.has_second_layer) continue;
      bias_[g].assign(dp_, T(0));
      std::copy_n(k_.gates[g].bias, d_, bias_[g].begin());
      weight_[g].assign(d_ * hp_, T(0));
      transposed_[g].assign(h_ * dp_, T(0));
      for (int i = 0; i < d_; ++i)
        for (int j = 0; j < h_; ++j) {
          const T value = k_.gates[g].weight[i * h_ + j];
          weight_[g][i * hp_ + j] = value;
          transposed_[g][j * dp_ + i] = value;
        }
    }
  }

  void forward(std::int64_t begin, int rows, T* z, T* out) {
    const int d = d_, hp = hp_, dp = dp_;
    const bool has_norm = k_.has_norm, two_layers = k_.has_second_layer;
    gather(k_.a, k_.b, k_.c, begin, rows, x_);
    if (two_layers) {
      for (int g = 0; g < 2; ++g) {
        for (int i = 0; i < rows * hp; i += L) {
          const V x = load(&x_[g][i]);
          store(&s_[g][i], x * sigmoid<T>(x));
        }
        second_layer(s_[g].data(), z_[g].data(), rows, true, g);
      }
    } else {
      x_[0].swap(z_[0]);
      x_[1].swap(z_[1]);
    }
    if (z) keep(begin, rows, z);
    for (int r = 0; r < rows; ++r) {
      const std::int64_t row = begin + r;
      T* core = &z_[0][r * dp];
      T* gate = &z_[1][r * dp];
      if (has_norm) {
        normalise(core, 0);
        normalise(gate, 1);
      }
      const T* w = k_.w ? k_.w + k_.iw[row] * d : nullptr;
      T* target = out + (k_.owners ? k_.owners[row] : row) * d;
      for (int i = 0; i < dp; i += L) {
        const V core_in = value(core, i, 0), gate_in = value(gate, i, 1);
        V y = core_in * sigmoid<T>(core_in) * sigmoid<T>(gate_in);
        if (w) y *= part(w, i, d);
        add_part(target, i, d, y);
      }
    }
  }

  // Returns nothing but adds to `to`; parameters are added to the worker's own sums.
  void backward(std::int64_t begin, int rows, const T* z, const T* out_bar, const Gradients<T>& to,
                bool parameters) {
    const int d = d_, hp = hp_, dp = dp_;
    const bool has_norm = k_.has_norm, two_layers = k_.has_second_layer;
    open_sums(parameters);
    prepare(begin, rows, z, nullptr);
    for (int r = 0; r < rows; ++r) {
      const std::int64_t row = begin + r;
      const T* w = k_.w ? k_.w + k_.iw[row] * d : nullptr;
      const T* m_bar = out_bar + (k_.owners ? k_.owners[row] : row) * d;
      T* w_bar = to.w ? to.w + k_.iw[row] * d : nullptr;
      T *n0 = &z_[0][r * dp], *n1 = &z_[1][r * dp];
      T *z0 = &z_bar_[0][r * dp], *z1 = &z_bar_[1][r * dp];
      const T rho0 = has_norm ? normalise(n0, 0) : T(1);
      const T rho1 = has_norm ? normalise(n1, 1) : T(1);
      for (int i = 0; i < dp; i += L) {
        const V c = value(n0, i, 0), g = value(n1, i, 1);
        const V sc = sigmoid<T>(c), sg = sigmoid<T>(g);
        const V silu = c * sc, m = part(m_bar, i, d);
        if (w_bar) add_part(w_bar, i, d, m * silu * sg);
        const V p = w ? m * part(w, i, d) : m;
        store(z0 + i, p * sg * sc * (T(1) + c * (T(1) - sc)));
        store(z1 + i, p * silu * sg * (T(1) - sg));
      }
      if (parameters && has_norm) {
        for (int i = 0; i < dp; i += L) {
          add_norm(0, i, load(z0 + i) * load(n0 + i), load(z0 + i));
          add_norm(1, i, load(z1 + i) * load(n1 + i), load(z1 + i));
        }
      }
      if (has_norm) {
        through_norm(z0, n0, rho0, 0);
        through_norm(z1, n1, rho1, 1);
      }
    }
    for (int g = 0; g < 2; ++g) {
      if (!two_layers) {
        scatter(z_bar_[g].data(), begin, rows, g, to);
        continue;
      }
      if (parameters) {
        add_bias(z_bar_[g].data(), rows, g);
        product<T, true>(weight_sum_[g].data(), hp, z_bar_[g].data(), 1, dp, s_[g].data(), hp, d,
                         hp, rows);
      }
      first_layer(z_bar_[g].data(), s_bar_[g].data(), rows, g);
      for (int i = 0; i < rows * hp; i += L)
        store(&s_bar_[g][i], load(&s_bar_[g][i]) * load(&slope_[g][i]));
      scatter(s_bar_[g].data(), begin, rows, g, to);
    }
  }

  void second(std::int64_t begin, int rows, const T* z, const T* out_bar, const Tangents<T>& dot,
              const Gradients<T>& to) {
    const int d = d_, hp = hp_, dp = dp_;
    const bool has_norm = k_.has_norm, two_layers = k_.has_second_layer;
    open_sums(true);
    prepare(begin, rows, z, &dot);
    const T inverse_d = T(1) / T(d);
    for (int r = 0; r < rows; ++r) {
      const std::int64_t row = begin + r;
      const std::int64_t owner = k_.owners ? k_.owners[row] : row;
      const T* w = k_.w ? k_.w + k_.iw[row] * d : nullptr;
      const T* w_dot = dot.w ? dot.w + k_.iw[row] * d : nullptr;
      const T* m_bar = out_bar + owner * d;
      T* w_bar = to.w ? to.w + k_.iw[row] * d : nullptr;
      T* out_dot = to.out + owner * d;
      T rho[2], overlap[2];
      T *n[2], *n_dot[2], *f[2], *e[2], *z_dot[2];
      for (int g = 0; g < 2; ++g) {
        n[g] = &z_[g][r * dp];
        z_dot[g] = &z_dot_[g][r * dp];
        n_dot[g] = &n_dot_[g][r * dp];
        f[g] = &z_bar_[g][r * dp];
        e[g] = &z2_[g][r * dp];
        rho[g] = T(1);
        overlap[g] = T(0);
        if (has_norm) {
          rho[g] = normalise(n[g], g);
          V all{}, along{};
          for (int i = 0; i < dp; i += L) {
            all += load(z_dot[g] + i);
            along += load(z_dot[g] + i) * load(n[g] + i);
          }
          const T mean = sum<T>(all) * inverse_d;
          overlap[g] = sum<T>(along) * inverse_d;
          for (int i = 0; i < dp; i += L)
            store(n_dot[g] + i, rho[g] * (load(z_dot[g] + i) - mean * load(&mask_[i]) -
                                          overlap[g] * load(n[g] + i)));
        } else {
          std::copy_n(z_dot[g], dp, n_dot[g]);
        }
      }
      for (int i = 0; i < dp; i += L) {
        const V c = value(n[0], i, 0), g = value(n[1], i, 1);
        const V c_dot = scaled(n_dot[0], i, 0), g_dot = scaled(n_dot[1], i, 1);
        const V sc = sigmoid<T>(c), sg = sigmoid<T>(g);
        const V silu = c * sc;
        const V silu1 = sc * (T(1) + c * (T(1) - sc));
        const V silu2 = sc * (T(1) - sc) * (T(2) + c * (T(1) - T(2) * sc));
        const V sg1 = sg * (T(1) - sg);
        const V sg2 = sg1 * (T(1) - T(2) * sg);
        const V y_dot = silu1 * sg * c_dot + silu * sg1 * g_dot;
        const V m = part(m_bar, i, d);
        V p = m, e0{}, e1{}, out = y_dot;
        if (w) {
          p = m * part(w, i, d);
          out *= part(w, i, d);
        }
        if (w_dot) {
          const V q = part(w_dot, i, d);
          out += silu * sg * q;
          e0 = m * q * silu1 * sg;
          e1 = m * q * silu * sg1;
        }
        add_part(out_dot, i, d, out);
        if (w_bar) add_part(w_bar, i, d, m * y_dot);
        store(f[0] + i, p * silu1 * sg);
        store(f[1] + i, p * silu * sg1);
        store(e[0] + i, e0 + p * (silu2 * sg * c_dot + silu1 * sg1 * g_dot));
        store(e[1] + i, e1 + p * (silu1 * sg1 * c_dot + silu * sg2 * g_dot));
      }
      if (!has_norm) continue;
      for (int g = 0; g < 2; ++g) {
        V f_all{}, f_along{}, slide{};
        for (int i = 0; i < dp; i += L) {
          const V fi = load(f[g] + i), ei = load(e[g] + i), ni = load(n[g] + i);
          add_norm(g, i, ei * ni + fi * load(n_dot[g] + i), ei);
          const V a = fi * load(&gamma_[g][i]);
          f_all += a;
          f_along += a * ni;
          slide += a * load(n_dot[g] + i);
        }
        const T a_mean = sum<T>(f_all) * inverse_d, a_along = sum<T>(f_along) * inverse_d;
        const T a_slide = sum<T>(slide) * inverse_d;
        V b_all{}, b_along{};
        for (int i = 0; i < dp; i += L) {
          const V ni = load(n[g] + i), a = load(f[g] + i) * load(&gamma_[g][i]);
          const V b = load(e[g] + i) * load(&gamma_[g][i]) -
                      rho[g] * (a * overlap[g] + load(z_dot[g] + i) * a_along);
          store(f[g] + i, rho[g] * (a - a_mean * load(&mask_[i]) - ni * a_along));
          store(e[g] + i, b);
          b_all += b;
          b_along += b * ni;
        }
        const T b_mean = sum<T>(b_all) * inverse_d;
        const T b_slide = sum<T>(b_along) * inverse_d + a_slide;
        for (int i = 0; i < dp; i += L)
          store(e[g] + i, rho[g] * (load(e[g] + i) - b_mean * load(&mask_[i]) -
                                    load(n[g] + i) * b_slide));
      }
    }
    for (int g = 0; g < 2; ++g) {
      if (!two_layers) {
        scatter(z2_[g].data(), begin, rows, g, to);
        continue;
      }
      add_bias(z2_[g].data(), rows, g);
      product<T, true>(weight_sum_[g].data(), hp, z2_[g].data(), 1, dp, s_[g].data(), hp, d, hp,
                       rows);
      product<T, true>(weight_sum_[g].data(), hp, z_bar_[g].data(), 1, dp, s_dot_[g].data(), hp,
                       d, hp, rows);
      first_layer(z_bar_[g].data(), s_bar_[g].data(), rows, g);
      first_layer(z2_[g].data(), s2_[g].data(), rows, g);
      for (int i = 0; i < rows * hp; i += L)
        store(&s2_[g][i], load(&s2_[g][i]) * load(&slope_[g][i]) +
                              load(&bend_[g][i]) * load(&s_bar_[g][i]));
      scatter(s2_[g].data(), begin, rows, g, to);
    }
  }

  void add_parameters(const Gradients<T>& to) const {
    for (int g = 0; g < 2; ++g) {
      if (k_.has_second_layer && to.weight[g])
        for (int i = 0; i < d_; ++i) {
          for (int j = 0; j < h_; ++j) to.weight[g][i * h_ + j] += weight_sum_[g][i * hp_ + j];
          to.bias[g][i] += bias_sum_[g][i];
        }
      if (k_.has_norm && to.gamma[g])
        for (int i = 0; i < d_; ++i) {
          to.gamma[g][i] += gamma_sum_[g][i];
          to.beta[g][i] += beta_sum_[g][i];
        }
    }
  }

  bool summed() const { return summed_; }

 private:
  // Loads of a vector from a row of n numbers in the caller's memory.
  static V part(const T* row, int i, int n) {
    if (i + L <= n) return load(row + i);
    V v{};
    for (int k = 0; i + k < n; ++k) v[k] = row[i + k];
    return v;
  }
  static void add_part(T* row, int i, int n, V v) {
    if (i + L <= n) {
      store(row + i, load(row + i) + v);
    } else {
      for (int k = 0; i + k < n; ++k) row[i + k] += v[k];
    }
  }

  V value(const T* n, int i, int g) const {
    return k_.has_norm ? load(n + i) * load(&gamma_[g][i]) + load(&beta_[g][i]) : load(n + i);
  }
  V scaled(const T* n, int i, int g) const {
    return k_.has_norm ? load(n + i) * load(&gamma_[g][i]) : load(n + i);
  }

  void gather(const T* a, const T* b, const T* c, std::int64_t begin, int rows,
              std::vector<T> (&to)[2]) {
    const int h = h_, hp = hp_, dp = dp_;
    const bool two_layers = k_.has_second_layer;
    const int stride = two_layers ? hp : dp;
    const T* tables[3] = {a, b, c};
    const std::int64_t* indices[3] = {k_.ia, k_.ib, k_.ic};
    for (int g = 0; g < 2; ++g)
      for (int r = 0; r < rows; ++r) {
        T* row = &to[g][r * stride];
        std::fill_n(row, stride, T(0));
        for (int t = 0; t < 3; ++t)
          if (tables[t]) add_row(row, tables[t] + (indices[t][begin + r] * 2 + g) * h, h);
      }
  }
  void scatter(const T* rows_bar, std::int64_t begin, int rows, int g, const Gradients<T>& to) {
    const int h = h_, hp = hp_, dp = dp_;
    const bool two_layers = k_.has_second_layer;
    const int stride = two_layers ? hp : dp;
    T* tables[3] = {to.a, to.b, to.c};
    const std::int64_t* indices[3] = {k_.ia, k_.ib, k_.ic};
    for (int t = 0; t < 3; ++t)
      if (tables[t])
        for (int r = 0; r < rows; ++r)
          add_row(tables[t] + (indices[t][begin + r] * 2 + g) * h, rows_bar + r * stride, h);
  }

  // z = W s + bias, and s_bar = W^T z_bar
  void second_layer(const T* s, T* z, int rows, bool bias, int g) {
    const int h = h_, hp = hp_, dp = dp_;
    product<T, false>(z, dp, s, hp, 1, transposed_[g].data(), dp, rows, dp, h);
    if (!bias) return;
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < dp; i += L) {
        T* at = z + r * dp + i;
        store(at, load(at) + load(&bias_[g][i]));
      }
  }
  void first_layer(const T* z_bar, T* s_bar, int rows, int g) {
    const int d = d_, hp = hp_, dp = dp_;
    product<T, false>(s_bar, hp, z_bar, dp, 1, weight_[g].data(), hp, rows, hp, d);
  }

  // Replaces z by n = (z - mean) / √(variance + ε); returns the inverse square root.
  T normalise(T* z, int g) {
    const int d = d_, dp = dp_;
    V all{};
    for (int i = 0; i < dp; i += L) all += load(z + i);
    const T mean = sum<T>(all) / T(d);
    V squares{};
    for (int i = 0; i < dp; i += L) {
      const V n = (load(z + i) - mean) * load(&mask_[i]);
      squares += n * n;
      store(z + i, n);
    }
    const T rho = T(1) / std::sqrt(sum<T>(squares) / T(d) + T(k_.epsilon[g]));
    for (int i = 0; i < dp; i += L) store(z + i, load(z + i) * rho);
    return rho;
  }
  // Turns the gradient of γ n + β into that of z, in place.
  void through_norm(T* bar, const T* n, T rho, int g) {
    const int d = d_, dp = dp_;
    V all{}, along{};
    for (int i = 0; i < dp; i += L) {
      const V a = load(bar + i) * load(&gamma_[g][i]);
      store(bar + i, a);
      all += a;
      along += a * load(n + i);
    }
    const T mean = sum<T>(all) / T(d), overlap = sum<T>(along) / T(d);
    for (int i = 0; i < dp; i += L)
      store(bar + i,
            rho * (load(bar + i) - mean * load(&mask_[i]) - overlap * load(n + i)));
  }

  // Brings back z, silu(x) and its derivatives, and the tangents of both, for a tile.
  void prepare(std::int64_t begin, int rows, const T* z, const Tangents<T>* dot) {
    const int d = d_, hp = hp_, dp = dp_;
    const bool two_layers = k_.has_second_layer;
    for (int g = 0; g < 2; ++g) {
      z_bar_[g].resize(kTile * dp);
      if (two_layers) {
        slope_[g].resize(kTile * hp);
        s_bar_[g].resize(kTile * hp);
      }
      if (dot) {
        z_dot_[g].resize(kTile * dp);
        n_dot_[g].resize(kTile * dp);
        z2_[g].resize(kTile * dp);
        if (two_layers) {
          x_dot_[g].resize(kTile * hp);
          s_dot_[g].resize(kTile * hp);
          s2_[g].resize(kTile * hp);
          bend_[g].resize(kTile * hp);
        }
      }
      for (int r = 0; r < rows; ++r) {
        std::copy_n(z + ((begin + r) * 2 + g) * d, d, &z_[g][r * dp]);
        std::fill(&z_[g][r * dp] + d, &z_[g][r * dp] + dp, T(0));
      }
    }
    if (!two_layers) {
      if (dot) gather(dot->a, dot->b, dot->c, begin, rows, z_dot_);
      return;
    }
    gather(k_.a, k_.b, k_.c, begin, rows, x_);
    if (dot) gather(dot->a, dot->b, dot->c, begin, rows, x_dot_);
    for (int g = 0; g < 2; ++g) {
      for (int i = 0; i < rows * hp; i += L) {
        const V x = load(&x_[g][i]), s = sigmoid<T>(x);
        const V slope = s * (T(1) + x * (T(1) - s));
        store(&s_[g][i], x * s);
        store(&slope_[g][i], slope);
        if (dot) {
          const V x_dot = load(&x_dot_[g][i]);
          store(&s_dot_[g][i], slope * x_dot);
          store(&bend_[g][i], s * (T(1) - s) * (T(2) + x * (T(1) - T(2) * s)) * x_dot);
        }
      }
      if (dot) second_layer(s_dot_[g].data(), z_dot_[g].data(), rows, false, g);
    }
  }

  void keep(std::int64_t begin, int rows, T* z) {
    const int d = d_, dp = dp_;
    for (int g = 0; g < 2; ++g)
      for (int r = 0; r < rows; ++r)
        std::copy_n(&z_[g][r * dp], d, z + ((begin + r) * 2 + g) * d);
  }

  void open_sums(bool wanted) {
    if (!wanted || summed_) return;
    summed_ = true;
    for (int g = 0; g < 2; ++g) {
      gamma_sum_[g].assign(dp_, T(0));
      beta_sum_[g].assign(dp_, T(0));
      bias_sum_[g].assign(dp_, T(0));
      weight_sum_[g].assign(d_ * hp_, T(0));
    }
  }
  void add_norm(int g, int i, V gamma, V beta) {
    store(&gamma_sum_[g][i], load(&gamma_sum_[g][i]) + gamma);
    store(&beta_sum_[g][i], load(&beta_sum_[g][i]) + beta);
  }
  void add_bias(const T* z_bar, int rows, int g) {
    const int dp = dp_;
    for (int r = 0; r < rows; ++r)
      for (int i = 0; i < dp; i += L)
        store(&bias_sum_[g][i], load(&bias_sum_[g][i]) + load(z_bar + r * dp + i));
  }

  const Block<T>& k_;
  const int h_, d_, hp_, dp_;
  bool summed_ = false;
  std::vector<T> mask_;
  std::vector<T> bias_[2], weight_[2], transposed_[2], gamma_[2], beta_[2];
  std::vector<T> x_[2], s_[2], z_[2], slope_[2], bend_[2], z_bar_[2], s_bar_[2];
  std::vector<T> x_dot_[2], s_dot_[2], z_dot_[2], n_dot_[2], z2_[2], s2_[2];
  std::vector<T> weight_sum_[2], bias_sum_[2], gamma_sum_[2], beta_sum_[2];
};

// Calls visit(worker, begin, rows) for all tiles, parts side by side; adds up parameters in order.
template <class T, class Visit>
void for_all_tiles(const Block<T>& block, const Gradients<T>* to, Visit visit) {
  std::vector<Worker<T>*> workers(block.n_parts, nullptr);
#pragma omp parallel for num_threads(int(block.n_parts)) schedule(static, 1)
  for (std::int64_t p = 0; p < block.n_parts; ++p) {
    auto* worker = workers[p] = new Worker<T>(block);
    for (std::int64_t i = block.starts[p]; i < block.starts[p + 1]; ++i) {
      const std::int64_t end = block.pieces[2 * i + 1];
      for (std::int64_t begin = block.pieces[2 * i]; begin < end; begin += kTile)
        visit(*worker, begin, int(std::min<std::int64_t>(kTile, end - begin)));
    }
  }
  for (auto* worker : workers) {
    if (to && worker->summed()) worker->add_parameters(*to);
    delete worker;
  }
}

template <class T>
void forward(const Block<T>& block, T* z, T* out) {
  for_all_tiles<T>(block, nullptr, [=](Worker<T>& worker, std::int64_t begin, int rows) {
    worker.forward(begin, rows, z, out);
  });
}

template <class T>
void backward(const Block<T>& block, const T* z, const T* out_bar, const Gradients<T>& to) {
  const bool parameters = to.weight[0] || to.gamma[0];
  for_all_tiles<T>(block, &to, [&](Worker<T>& worker, std::int64_t begin, int rows) {
    worker.backward(begin, rows, z, out_bar, to, parameters);
  });
}

template <class T>
void second(const Block<T>& block, const T* z, const T* out_bar, const Tangents<T>& dot,
            const Gradients<T>& to) {
  for_all_tiles<T>(block, &to, [&](Worker<T>& worker, std::int64_t begin, int rows) {
    worker.second(begin, rows, z, out_bar, dot, to);
  });
}

}  // namespace rungs

#define RUNGS_EXPORT(T, NAME)                                                                     \
  extern "C" void forward_##NAME(const rungs::Block<T>* block, T* z, T* out) {                    \
    rungs::forward<T>(*block, z, out);                                                            \
  }                                                                                               \
  extern "C" void backward_##NAME(const rungs::Block<T>* block, const T* z, const T* out_bar,     \
                                  const rungs::Gradients<T>* to) {                                \
    rungs::backward<T>(*block, z, out_bar, *to);                                                  \
  }                                                                                               \
  extern "C" void second_##NAME(const rungs::Block<T>* block, const T* z, const T* out_bar,       \
                                const rungs::Tangents<T>* dot, const rungs::Gradients<T>* to) {   \
    rungs::second<T>(*block, z, out_bar, *dot, *to);                                              \
  }

RUNGS_EXPORT(float, float)
RUNGS_EXPORT(double, double)
