// Gated messages of CHGNet in one pass over their rows: gather, gated network, weight, sum.
//
//   x_r = a[ia_r] + b[ib_r] + c[ic_r]                     first layer of core and gate
//   z   = W silu(x) + bias                                second layer, if there is one
//   y   = silu(norm(z_core)) sigmoid(norm(z_gate))
//   out[owner_r] += y w[iw_r]
//
// and its sweeps: `forward`; `backward` towards the geometry; `tangent`, which carries a direction of
// the geometry forward; `second`, the last one, back from the loss. It is the gradient of
// Σ out_bar' · out + Σ out_bar · out_dot, where out_bar is what `backward` was given, out_bar' what
// comes back from the loss, and out_dot what `tangent` found.
//
// Rows go through in tiles that stay in the cache: nothing of the size of the rows is kept but the
// normalised z, and its tangent for as long as one frame takes. A row has core and gate side by side.

#pragma once

#include <utility>

#include "dense.hpp"

namespace rungs {

constexpr int kTile = 24;

// Which rows of its tables each message is made from, and who receives it.
struct Rows {
  int n = 0;
  const int *a, *b, *c;
  const int* w = nullptr;       // null: no weights
  const int* owner = nullptr;   // null: every message its own owner
};

template <class T, class P>
struct TablesOf {
  P a = nullptr, b = nullptr, c = nullptr, w = nullptr;
};
template <class T>
using Tables = TablesOf<T, const T*>;
template <class T>
using TableSums = TablesOf<T, T*>;

// Of all messages: z, normalised where there is a norm (R, 2, width), and its ρ (R, 2); or the
// tangent of that, and the overlap.
template <class T>
struct Kept {
  T *n = nullptr, *factor = nullptr;
};

template <class T>
RUNGS_INLINE Vec<T> silu_slope(Vec<T> x, Vec<T> s) {
  return s * (T(1) + x * (T(1) - s));
}
template <class T>
RUNGS_INLINE Vec<T> silu_bend(Vec<T> x, Vec<T> s) {
  return s * (T(1) - s) * (T(2) + x * (T(1) - T(2) * s));
}

template <class T>
class Gated {
  using V = Vec<T>;
  static constexpr int L = kLanes<T>;

 public:
  int hidden = 0;  // padded width of the first layer of each of core and gate
  int width = 0;   // padded width of the output
  bool two_layers = false, has_norm = false;
  Linear<T> layer[2];  // second layers
  Norm<T> norm[2];

  int table_width() const { return 2 * hidden; }
  // Numbers that the buffers of a tile need.
  std::int64_t tile_size() const { return std::int64_t(kTile) * (12 * hidden + 4 * width); }

  // out has been set to 0, or to what the messages are added to.
  void forward(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, T* out, T* tile) const {
    each_tile(rows, [&](int begin, int n) {
      T* z = kept.n + std::int64_t(begin) * 2 * width;
      if (two_layers) {
        gather(rows, t, begin, n, tile, [](V x) { return x * sigmoid<T>(x); });
        for (int g = 0; g < 2; ++g) {
          for (int r = 0; r < n; ++r) std::copy_n(layer[g].bias, width, z + (2 * r + g) * width);
          apply<true>(z, tile, n, g);
        }
      } else {
        gather(rows, t, begin, n, z, [](V x) { return x; });
      }
      with_width([&](auto size) { forward_rows<size()>(rows, t, kept, out, begin, n); });
    });
  }

  // Adds to the tables in `to`, of which any may be null.
  void backward(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, const T* out_bar,
                const TableSums<T>& to, T* tile) const {
    T* x_bar = tile;
    T* bar = x_bar + kTile * 2 * hidden;
    each_tile(rows, [&](int begin, int n) {
      with_width([&](auto size) {
        backward_rows<size()>(rows, t, kept, out_bar, to.w, bar, begin, n);
      });
      if (!two_layers) return scatter(rows, begin, n, bar, to);
      for (int g = 0; g < 2; ++g) back(x_bar, bar, n, g);
      each_sum(rows, t, begin, n, [&](V x, int i) {
        store(x_bar + i, load(x_bar + i) * silu_slope<T>(x, sigmoid<T>(x)));
      });
      scatter(rows, begin, n, x_bar, to);
    });
  }

  // Fills `kept_dot`, and adds to out_dot.
  void tangent(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, const Tables<T>& dot,
               const Kept<T>& kept_dot, T* out_dot, T* tile) const {
    each_tile(rows, [&](int begin, int n) {
      T* z_dot = kept_dot.n + std::int64_t(begin) * 2 * width;
      if (two_layers) {
        gather(rows, dot, begin, n, tile, [](V x) { return x; });
        each_sum(rows, t, begin, n, [&](V x, int i) {
          store(tile + i, load(tile + i) * silu_slope<T>(x, sigmoid<T>(x)));
        });
        for (int g = 0; g < 2; ++g) apply<false>(z_dot, tile, n, g);
      } else {
        gather(rows, dot, begin, n, z_dot, [](V x) { return x; });
      }
      with_width([&](auto size) {
        tangent_rows<size()>(rows, t, kept, dot, kept_dot, out_dot, begin, n);
      });
    });
  }

  // Adds to the tables in `to` and to the parameters' sums. `dot`, `kept_dot` and out_bar belong to
  // the tangent, and are left out where there is none (Dot = false).
  template <bool Dot>
  void second(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, const Tables<T>& dot,
              const Kept<T>& kept_dot, const T* out_bar, const T* loss_bar, const TableSums<T>& to,
              T* sums, T* tile) const {
    T* at = tile;
    auto take = [&](int n) { return std::exchange(at, at + kTile * n); };
    T *s = take(2 * hidden), *slope = take(2 * hidden), *x_bar = take(2 * hidden);
    T *s_dot = take(2 * hidden), *bend = take(2 * hidden), *s_bar = take(2 * hidden);
    T *e = take(2 * width), *f = take(2 * width);
    each_tile(rows, [&](int begin, int n) {
      with_width([&](auto size) {
        second_rows<Dot, size()>(rows, t, kept, dot, kept_dot, out_bar, loss_bar, to.w, sums, e, f,
                                 begin, n);
      });
      if (!two_layers) return scatter(rows, begin, n, e, to);
      if (Dot) gather(rows, dot, begin, n, s_dot, [](V x) { return x; });
      each_sum(rows, t, begin, n, [&](V x, int i) {
        const V sx = sigmoid<T>(x), slope_x = silu_slope<T>(x, sx);
        store(s + i, x * sx);
        store(slope + i, slope_x);
        if constexpr (Dot) {
          const V d = load(s_dot + i);
          store(s_dot + i, slope_x * d);
          store(bend + i, silu_bend<T>(x, sx) * d);
        }
      });
      for (int g = 0; g < 2; ++g) {
        T* of_layer = sums + layer[g].sums;
        for (int r = 0; r < n; ++r)
          add(of_layer + std::int64_t(width) * hidden, e + (2 * r + g) * width, width);
        weigh(of_layer, e, s, n, g);
        back(x_bar, e, n, g);
        if constexpr (Dot) {
          weigh(of_layer, f, s_dot, n, g);
          back(s_bar, f, n, g);
        }
      }
      for (int i = 0; i < n * 2 * hidden; i += L) {
        V bar = load(x_bar + i) * load(slope + i);
        if constexpr (Dot) bar += load(bend + i) * load(s_bar + i);
        store(x_bar + i, bar);
      }
      scatter(rows, begin, n, x_bar, to);
    });
  }

 private:
  template <class Visit>
  static void each_tile(const Rows& rows, Visit visit) {
    for (int begin = 0; begin < rows.n; begin += kTile)
      visit(begin, std::min(kTile, rows.n - begin));
  }
  // Calls with the number of vectors of a row as a constant, or 0 for one that is not foreseen.
  template <class Visit>
  void with_width(Visit visit) const {
    switch (width / L) {
      case 1: return visit(std::integral_constant<int, 1>{});
      case 2: return visit(std::integral_constant<int, 2>{});
      case 3: return visit(std::integral_constant<int, 3>{});
      case 4: return visit(std::integral_constant<int, 4>{});
      default: return visit(std::integral_constant<int, 0>{});
    }
  }
  std::int64_t owner_of(const Rows& rows, int row) const {
    return (rows.owner ? rows.owner[row] : row) * std::int64_t(width);
  }

  // Core and gate of a row before their activations, and with γ alone what is linear in them.
  V value(V n, int k, int g) const {
    return has_norm ? n * load(norm[g].gamma + k * L) + load(norm[g].beta + k * L) : n;
  }
  V scaled(V dot, int k, int g) const { return has_norm ? dot * load(norm[g].gamma + k * L) : dot; }

  template <int N>
  void forward_rows(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, T* out, int begin,
                    int n) const {
    const int m = N ? N : width / L;
    for (int row = begin; row < begin + n; ++row) {
      Row<T, N> core, gate;
      T* at = kept.n + std::int64_t(row) * 2 * width;
      core.read(at, m), gate.read(at + width, m);
      if (has_norm) {
        kept.factor[2 * row] = norm[0].normalise(core);
        kept.factor[2 * row + 1] = norm[1].normalise(gate);
        core.write(at, m), gate.write(at + width, m);
      }
      const T* w = t.w ? t.w + rows.w[row] * std::int64_t(width) : nullptr;
      T* to = out + owner_of(rows, row);
      for (int k = 0; k < m; ++k) {
        const V c = value(core.v[k], k, 0), g = value(gate.v[k], k, 1);
        V y = c * sigmoid<T>(c) * sigmoid<T>(g);
        if (w) y *= load(w + k * L);
        store(to + k * L, load(to + k * L) + y);
      }
    }
  }

  template <int N>
  void backward_rows(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, const T* out_bar,
                     T* w_sums, T* bar, int begin, int n) const {
    const int m = N ? N : width / L;
    for (int row = begin; row < begin + n; ++row, bar += 2 * width) {
      Row<T, N> core, gate, f0, f1;
      const T* at = kept.n + std::int64_t(row) * 2 * width;
      core.read(at, m), gate.read(at + width, m);
      const T* w = t.w ? t.w + rows.w[row] * std::int64_t(width) : nullptr;
      T* w_bar = w_sums ? w_sums + rows.w[row] * std::int64_t(width) : nullptr;
      const T* m_bar = out_bar + owner_of(rows, row);
      for (int k = 0; k < m; ++k) {
        const V c = value(core.v[k], k, 0), g = value(gate.v[k], k, 1);
        const V sc = sigmoid<T>(c), sg = sigmoid<T>(g), silu = c * sc;
        V p = load(m_bar + k * L);
        if (w_bar) store(w_bar + k * L, load(w_bar + k * L) + p * silu * sg);
        if (w) p *= load(w + k * L);
        f0.v[k] = p * sg * silu_slope<T>(c, sc);
        f1.v[k] = p * silu * sg * (T(1) - sg);
      }
      if (has_norm) {
        norm[0].back(f0, core, kept.factor[2 * row]);
        norm[1].back(f1, gate, kept.factor[2 * row + 1]);
      }
      f0.write(bar, m), f1.write(bar + width, m);
    }
  }

  template <int N>
  void tangent_rows(const Rows& rows, const Tables<T>& t, const Kept<T>& kept,
                    const Tables<T>& dot, const Kept<T>& kept_dot, T* out_dot, int begin,
                    int n) const {
    const int m = N ? N : width / L;
    for (int row = begin; row < begin + n; ++row) {
      Row<T, N> core, gate, core_dot, gate_dot;
      const T* at = kept.n + std::int64_t(row) * 2 * width;
      T* at_dot = kept_dot.n + std::int64_t(row) * 2 * width;
      core.read(at, m), gate.read(at + width, m);
      core_dot.read(at_dot, m), gate_dot.read(at_dot + width, m);
      if (has_norm) {
        const int i = 2 * row;
        kept_dot.factor[i] = norm[0].tangent(core_dot, core, kept.factor[i]);
        kept_dot.factor[i + 1] = norm[1].tangent(gate_dot, gate, kept.factor[i + 1]);
        core_dot.write(at_dot, m), gate_dot.write(at_dot + width, m);
      }
      const T* w = t.w ? t.w + rows.w[row] * std::int64_t(width) : nullptr;
      const T* q = dot.w ? dot.w + rows.w[row] * std::int64_t(width) : nullptr;
      T* to = out_dot + owner_of(rows, row);
      for (int k = 0; k < m; ++k) {
        const V c = value(core.v[k], k, 0), g = value(gate.v[k], k, 1);
        const V sc = sigmoid<T>(c), sg = sigmoid<T>(g), silu = c * sc;
        V y = sg * (silu_slope<T>(c, sc) * scaled(core_dot.v[k], k, 0) +
                    silu * (T(1) - sg) * scaled(gate_dot.v[k], k, 1));
        if (w) y *= load(w + k * L);
        if (q) y += silu * sg * load(q + k * L);
        store(to + k * L, load(to + k * L) + y);
      }
    }
  }

  template <bool Dot, int N>
  void second_rows(const Rows& rows, const Tables<T>& t, const Kept<T>& kept, const Tables<T>& dot,
                   const Kept<T>& kept_dot, const T* out_bar, const T* loss_bar, T* w_sums, T* sums,
                   T* to_e, T* to_f, int begin, int n) const {
    const int m = N ? N : width / L;
    for (int row = begin; row < begin + n; ++row, to_e += 2 * width, to_f += 2 * width) {
      Row<T, N> z[2], z_dot[2], e[2], f[2];
      const std::int64_t at = std::int64_t(row) * 2 * width, owner = owner_of(rows, row);
      for (int g = 0; g < 2; ++g) {
        z[g].read(kept.n + at + g * width, m);
        if constexpr (Dot) z_dot[g].read(kept_dot.n + at + g * width, m);
      }
      const T* w = t.w ? t.w + rows.w[row] * std::int64_t(width) : nullptr;
      const T* q = Dot && dot.w ? dot.w + rows.w[row] * std::int64_t(width) : nullptr;
      T* w_bar = w_sums ? w_sums + rows.w[row] * std::int64_t(width) : nullptr;
      for (int k = 0; k < m; ++k) {
        const int i = k * L;
        const V c = value(z[0].v[k], k, 0), g = value(z[1].v[k], k, 1);
        const V sc = sigmoid<T>(c), sg = sigmoid<T>(g);
        const V silu = c * sc, silu1 = silu_slope<T>(c, sc), sg1 = sg * (T(1) - sg);
        const V by_core = silu1 * sg, by_gate = silu * sg1;
        V p = load(loss_bar + owner + i), of_w = p * silu * sg;
        if (w) p *= load(w + i);
        V to_core = p * by_core, to_gate = p * by_gate;
        if constexpr (Dot) {
          const V c_dot = scaled(z_dot[0].v[k], k, 0), g_dot = scaled(z_dot[1].v[k], k, 1);
          const V bar = load(out_bar + owner + i), cross = silu1 * sg1;
          of_w += bar * (by_core * c_dot + by_gate * g_dot);
          const V weighted = w ? bar * load(w + i) : bar;
          to_core += weighted * (silu_bend<T>(c, sc) * sg * c_dot + cross * g_dot);
          to_gate += weighted * (cross * c_dot + silu * sg1 * (T(1) - T(2) * sg) * g_dot);
          if (q) {
            const V moved = bar * load(q + i);
            to_core += moved * by_core;
            to_gate += moved * by_gate;
          }
          f[0].v[k] = weighted * by_core;
          f[1].v[k] = weighted * by_gate;
        }
        if (w_bar) store(w_bar + i, load(w_bar + i) + of_w);
        e[0].v[k] = to_core;
        e[1].v[k] = to_gate;
      }
      for (int g = 0; g < 2; ++g) {
        if (has_norm)
          norm[g].template second<Dot>(e[g], f[g], z[g], z_dot[g], kept.factor[2 * row + g],
                                       Dot ? kept_dot.factor[2 * row + g] : T(0), sums);
        e[g].write(to_e + g * width, m);
        if constexpr (Dot) f[g].write(to_f + g * width, m);
      }
    }
  }

  // Calls visit(x, i) for the sums x of rows of the tables; i is a place in a tile.
  template <class Visit>
  void each_sum(const Rows& rows, const Tables<T>& t, int begin, int n, Visit visit) const {
    const int both = 2 * hidden;
    for (int r = 0, at = 0; r < n; ++r, at += both) {
      const T* c = t.c + rows.c[begin + r] * std::int64_t(both);
      if (!t.a) {
        for (int i = 0; i < both; i += L) visit(load(c + i), at + i);
        continue;
      }
      const T* a = t.a + rows.a[begin + r] * std::int64_t(both);
      const T* b = t.b + rows.b[begin + r] * std::int64_t(both);
      for (int i = 0; i < both; i += L) visit(load(a + i) + load(b + i) + load(c + i), at + i);
    }
  }
  template <class Map>
  void gather(const Rows& rows, const Tables<T>& t, int begin, int n, T* to, Map map) const {
    each_sum(rows, t, begin, n, [&](V x, int i) { store(to + i, map(x)); });
  }
  void scatter(const Rows& rows, int begin, int n, const T* bar, const TableSums<T>& to) const {
    const int both = 2 * hidden;
    for (int r = 0; r < n; ++r, bar += both) {
      if (to.a) add(to.a + rows.a[begin + r] * std::int64_t(both), bar, both);
      if (to.b) add(to.b + rows.b[begin + r] * std::int64_t(both), bar, both);
      if (to.c) add(to.c + rows.c[begin + r] * std::int64_t(both), bar, both);
    }
  }

  // z = or += W s, s_bar = Wᵀ z_bar and W_bar += z_barᵀ s, for core (g = 0) or gate (1).
  template <bool Add>
  void apply(T* z, const T* s, int n, int g) const {
    product<T, Add>(z + g * width, 2 * width, s + g * hidden, 2 * hidden, 1, layer[g].transposed,
                    width, n, width, hidden);
  }
  void back(T* s_bar, const T* z_bar, int n, int g) const {
    product<T, false>(s_bar + g * hidden, 2 * hidden, z_bar + g * width, 2 * width, 1,
                      layer[g].weight, hidden, n, hidden, width);
  }
  void weigh(T* w_bar, const T* z_bar, const T* s, int n, int g) const {
    product<T, true>(w_bar, hidden, z_bar + g * width, 1, 2 * width, s + g * hidden, 2 * hidden,
                     width, hidden, n);
  }
};

}  // namespace rungs
