// Adam and AdamW (arXiv:1412.6980, 1711.05101), with the clipping of the gradient before and the
// average of the parameters after, in one pass: the vectors are longer than a core's cache.

#pragma once

#include <cmath>
#include <cstdint>

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

// All of n numbers; `average` may be null.
template <class T>
void adam(std::int64_t n, T* __restrict parameters, const T* __restrict gradient,
          T* __restrict mean, T* __restrict square, T* __restrict average,
          const AdamStep<T>& step) {
  const T size = step.rate / step.bias1;
  auto one = [&](std::int64_t i) {
    T p = parameters[i] * step.keep;
    const T g = gradient[i] * step.scale + p * step.shrink;
    const T m = mean[i] + (1 - step.beta1) * (g - mean[i]);
    const T s = square[i] * step.beta2 + (1 - step.beta2) * g * g;
    p -= size * m / (std::sqrt(s) / step.root_bias2 + step.epsilon);
    mean[i] = m;
    square[i] = s;
    return parameters[i] = p;
  };
  if (average) {
    for (std::int64_t i = 0; i < n; ++i) average[i] += step.fresh * (one(i) - average[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) one(i);
  }
}

}  // namespace rungs
