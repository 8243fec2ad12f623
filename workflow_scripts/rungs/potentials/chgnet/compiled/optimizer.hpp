// Adam and AdamW (arXiv:1412.6980, 1711.05101), with the clipping of the gradient before and the
// average of the parameters after, in one pass: the vectors are longer than a core's cache.

#pragma once

#include <cmath>

#include "vectors.hpp"

namespace rungs {

template <class T>
struct AdamStep {
  T scale;                    // of the gradient: the clipping
  T rate;                     // learning rate
  T shrink;                   // weight decay through the gradient …
  T keep;                     // … or what is kept of the parameters themselves
  T beta1, beta2, epsilon;
  T bias1, root_bias2;        // 1 - beta1^t, sqrt(1 - beta2^t)
  T fresh;                    // share of the new parameters in the average
};

// Lane by lane of a vector, or of one number.
template <class V, class T>
RUNGS_INLINE V root(V x) {
  if constexpr (std::is_same_v<V, T>) {
    return std::sqrt(x);
  } else {
    for (int i = 0; i < kLanes<T>; ++i) x[i] = std::sqrt(x[i]);
    return x;
  }
}

// One vector of numbers, or one number; `average` may be null.
template <class V, class T>
RUNGS_INLINE void adam_at(T* parameters, const T* gradient, T* mean, T* square, T* average,
                          const AdamStep<T>& step) {
  auto get = [](const T* from) {
    V v;
    std::memcpy(&v, from, sizeof v);
    return v;
  };
  auto put = [](T* to, V v) { std::memcpy(to, &v, sizeof v); };
  V p = get(parameters) * step.keep;
  const V g = get(gradient) * step.scale + p * step.shrink;
  V m = get(mean), s = get(square);
  m += (1 - step.beta1) * (g - m);
  s = s * step.beta2 + (1 - step.beta2) * g * g;
  p -= step.rate / step.bias1 * m / (root<V, T>(s) / step.root_bias2 + step.epsilon);
  put(parameters, p);
  put(mean, m);
  put(square, s);
  if (!average) return;
  const V a = get(average);
  put(average, a + step.fresh * (p - a));
}

template <class T>
void adam(std::int64_t n, T* parameters, const T* gradient, T* mean, T* square, T* average,
          const AdamStep<T> step) {
  std::int64_t i = 0;
  auto here = [&](auto* of) { return of ? of + i : nullptr; };
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    adam_at<Vec<T>>(parameters + i, gradient + i, mean + i, square + i, here(average), step);
  for (; i < n; ++i)
    adam_at<T>(parameters + i, gradient + i, mean + i, square + i, here(average), step);
}

}  // namespace rungs
