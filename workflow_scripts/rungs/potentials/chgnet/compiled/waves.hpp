// What a frame's geometry becomes first: radial waves of its lengths, angular waves of its angles.
//
// Nothing but the waves' frequencies needs a gradient behind the geometry, so the last sweep ends
// here: a sweep towards the geometry is undone by a tangent, and by what it gives for frequencies.

#pragma once

#include <cmath>

#include "dense.hpp"

namespace rungs {

// √(2/c) sin(ω r/c)/r for a cutoff c under the envelope 1 + a u^p + b u^(p+1) + d u^(p+2), u = r/c.
template <class T>
struct Radial {
  using V = Vec<T>;
  static constexpr int L = kLanes<T>;
  int n = 0;  // frequencies, padded
  const T* frequencies = nullptr;
  double cutoff = 0, power = 0;
  std::int64_t sums = 0;

  struct Envelope {
    T value, slope;
  };
  Envelope envelope(T r) const {
    if (power == 0) return {T(1), T(0)};
    const double p = power, u = double(r) / cutoff;
    if (!(u < 1)) return {T(0), T(0)};
    const double a = -(p + 1) * (p + 2) / 2, b = p * (p + 2), c = -p * (p + 1) / 2;
    const double low = std::pow(u, p - 1);
    return {T(1 + low * u * (a + u * (b + u * c))),
            T(low * (a * p + u * (b * (p + 1) + u * c * (p + 2))) / cutoff)};
  }
  T scale() const { return T(std::sqrt(2 / cutoff)); }
  T inverse() const { return T(1 / cutoff); }

  // waves, sine and cosine (R, n) of lengths (R)
  void forward(const T* lengths, int rows, T* waves, T* sine, T* cosine) const {
    for (int r = 0; r < rows; ++r) {
      const T factor = envelope(lengths[r]).value * scale() / lengths[r];
      const T scaled = lengths[r] * inverse();
      for (int i = r * n; i < (r + 1) * n; i += L) {
        V s, c;
        sine_cosine<T>(load(frequencies + i - r * n) * scaled, s, c);
        store(sine + i, s);
        store(cosine + i, c);
        store(waves + i, s * factor);
      }
    }
  }
  // waves once more, from their sines
  void again(const T* lengths, const T* sine, int rows, T* waves) const {
    for (int r = 0; r < rows; ++r) {
      const T factor = envelope(lengths[r]).value * scale() / lengths[r];
      for (int i = r * n; i < (r + 1) * n; i += L) store(waves + i, load(sine + i) * factor);
    }
  }
  // Adds to lengths_bar.
  void backward(const T* lengths, const T* sine, const T* cosine, const T* waves_bar, int rows,
                T* lengths_bar) const {
    for (int r = 0; r < rows; ++r) {
      const auto [k1, k2] = factors(lengths[r]);
      V by_cosine{}, by_sine{};
      for (int i = r * n; i < (r + 1) * n; i += L) {
        by_cosine += load(waves_bar + i) * load(cosine + i) * load(frequencies + i - r * n);
        by_sine += load(waves_bar + i) * load(sine + i);
      }
      lengths_bar[r] += k1 * sum<T>(by_cosine) + k2 * sum<T>(by_sine);
    }
  }
  void tangent(const T* lengths, const T* sine, const T* cosine, const T* waves_bar,
               const T* lengths_dot, int rows, T* waves_dot, T* all_sums) const {
    for (int r = 0; r < rows; ++r) {
      auto [k1, k2] = factors(lengths[r]);
      k1 *= lengths_dot[r];
      k2 *= lengths_dot[r];
      const T scaled = lengths[r] * inverse();
      for (int k = 0; k < n; k += L) {
        const int i = r * n + k;
        const V w = load(frequencies + k), c = load(cosine + i), s = load(sine + i);
        store(waves_dot + i, k1 * w * c + k2 * s);
        const V bar = load(waves_bar + i);
        T* to = all_sums + sums + k;
        store(to, load(to) + (k1 + k2 * scaled) * bar * c - k1 * scaled * bar * s * w);
      }
    }
  }
  void second(const T* lengths, const T* cosine, const T* waves_bar, int rows, T* all_sums) const {
    for (int r = 0; r < rows; ++r) {
      const T factor = envelope(lengths[r]).value * scale() * inverse();
      for (int k = 0; k < n; k += L) {
        T* to = all_sums + sums + k;
        store(to, load(to) + factor * load(waves_bar + r * n + k) * load(cosine + r * n + k));
      }
    }
  }

 private:
  struct Factors {
    T k1, k2;
  };
  // of ω cos and of sin in the derivative of a wave
  Factors factors(T r) const {
    const Envelope e = envelope(r);
    const T over_r = scale() / r;
    return {e.value * over_r * inverse(), (e.slope - e.value / r) * over_r};
  }
};

// sin(k θ), then cos(k θ), of θ = acos(margin · cosine).
template <class T>
struct Angular {
  using V = Vec<T>;
  static constexpr int L = kLanes<T>;
  int n = 0;  // frequencies, padded
  const T* frequencies = nullptr;
  T margin = 1;
  std::int64_t sums = 0;

  // angles (R) and waves (R, 2n) of cosines (R)
  void forward(const T* cosines, int rows, T* angles, T* waves) const {
    for (int r = 0; r < rows; ++r) {
      angles[r] = std::acos(cosines[r] * margin);
      T* to = waves + std::int64_t(r) * 2 * n;
      for (int k = 0; k < n; k += L) {
        V s, c;
        sine_cosine<T>(load(frequencies + k) * angles[r], s, c);
        store(to + k, s);
        store(to + n + k, c);
      }
    }
  }
  void backward(const T* cosines, const T* waves, const T* waves_bar, int rows,
                T* cosines_bar) const {
    for (int r = 0; r < rows; ++r) {
      const T *at = waves + std::int64_t(r) * 2 * n, *bar = waves_bar + std::int64_t(r) * 2 * n;
      V all{};
      for (int k = 0; k < n; k += L) all += by_phase(bar, at, k) * load(frequencies + k);
      cosines_bar[r] = sum<T>(all) * turn(cosines[r]);
    }
  }
  void tangent(const T* cosines, const T* angles, const T* waves, const T* waves_bar,
               const T* cosines_dot, int rows, T* waves_dot, T* all_sums) const {
    for (int r = 0; r < rows; ++r) {
      const std::int64_t place = std::int64_t(r) * 2 * n;
      const T *at = waves + place, *bar = waves_bar + place;
      T* to = waves_dot + place;
      const T angle_dot = cosines_dot[r] * turn(cosines[r]);
      for (int k = 0; k < n; k += L) {
        const V w = load(frequencies + k), s = load(at + k), c = load(at + n + k);
        const V phase_dot = w * angle_dot;
        store(to + k, c * phase_dot);
        store(to + n + k, -s * phase_dot);
        const V bent = angles[r] * angle_dot * (load(bar + k) * s + load(bar + n + k) * c);
        T* sum = all_sums + sums + k;
        store(sum, load(sum) + angle_dot * by_phase(bar, at, k) - bent * w);
      }
    }
  }
  void second(const T* angles, const T* waves, const T* waves_bar, int rows, T* all_sums) const {
    for (int r = 0; r < rows; ++r) {
      const std::int64_t place = std::int64_t(r) * 2 * n;
      for (int k = 0; k < n; k += L) {
        T* to = all_sums + sums + k;
        store(to, load(to) + angles[r] * by_phase(waves_bar + place, waves + place, k));
      }
    }
  }

 private:
  V by_phase(const T* bar, const T* waves, int k) const {
    return load(bar + k) * load(waves + n + k) - load(bar + n + k) * load(waves + k);
  }
  // dθ/dcosine
  T turn(T cosine) const {
    const T x = cosine * margin;
    return -margin / std::sqrt(T(1) - x * x);
  }
};

}  // namespace rungs
