// SIMD by the compiler's vector extension: the same source for AVX-512, AVX2, SSE and NEON.

#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define RUNGS_INLINE inline __attribute__((always_inline))

namespace rungs {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kRowBlock = 6;     // rows and vectors of a product that stay in registers
constexpr int kVectorBlock = 4;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
constexpr int kRowBlock = 4;
constexpr int kVectorBlock = 3;
#else
constexpr int kVectorBytes = 16;
constexpr int kRowBlock = 4;
constexpr int kVectorBlock = 3;
#endif

template <class T>
struct Simd {
  typedef T type __attribute__((vector_size(kVectorBytes)));
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Integer bits __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename Simd<T>::type;
template <class T>
constexpr int kLanes = kVectorBytes / sizeof(T);

template <class T>
inline Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
inline void store(T* p, Vec<T> v) {
  std::memcpy(p, &v, sizeof v);
}
template <class T>
inline Vec<T> fill(T value) {
  return Vec<T>{} + value;
}
// Halves onto each other: a fixed order of additions, whatever the surroundings.
template <class T, int Bytes = kVectorBytes, class V>
inline T sum(V v) {
  if constexpr (Bytes > 16) {
    typedef T half __attribute__((vector_size(Bytes / 2)));
    half low, high;
    std::memcpy(&low, &v, sizeof low);
    std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return sum<T, Bytes / 2>(low + high);
  } else if constexpr (sizeof(T) == 4) {
    return (v[0] + v[2]) + (v[1] + v[3]);
  } else {
    return v[0] + v[1];
  }
}

#if defined(__AVX512F__)
// The same in units of ln 2 with instructions that this processor has, right to 2 units in the last
// place: half of the time of a gate is its exponentials.
RUNGS_INLINE Vec<float> exp_float(Vec<float> x) {
  using V = Vec<float>;
  const float in_twos = 1.44269504088896340736f;
  const V n = (V)_mm512_roundscale_ps((__m512)(x * in_twos), 0);
  const V r = (V)_mm512_fmsub_ps((__m512)x, _mm512_set1_ps(in_twos), (__m512)n);
  // ln 2^k / k!
  constexpr float inverse[] = {1.f,          0.693147181f,   0.240226507f,  0.0555041087f,
                               0.00961812911f, 0.00133335581f, 0.000154035304f};
  V y = fill<float>(inverse[6]);
#pragma GCC unroll 8
  for (int k = 5; k >= 0; --k) y = y * r + inverse[k];
  return (V)_mm512_scalef_ps((__m512)y, (__m512)n);
}
#endif

// exp: x = n ln 2 + r, e^r by its Taylor series, 2^n by the exponent's bits. The argument is kept
// where neither overflow nor a denormal number can come out.
template <class T>
RUNGS_INLINE Vec<T> exp(Vec<T> x) {
  using V = Vec<T>;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return exp_float(x);
#endif
  using B = typename Simd<T>::bits;
  constexpr bool single = sizeof(T) == 4;
  const V low = fill<T>(single ? T(-87.0) : T(-708.0)), high = -low;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const T magic = single ? T(12582912.0) : T(6755399441055744.0);  // 1.5 2^23, 1.5 2^52: rounds
  const V n = (x * T(1.4426950408889634074) + magic) - magic;
  const V r = (x - n * (single ? T(0.693359375) : T(6.93145751953125e-1))) -
              n * (single ? T(-2.12194440054690583e-4) : T(1.42860682030941723212e-6));
  V y = fill<T>(0);
  // 1/k! for k = degree … 0
  constexpr double inverse[] = {1.0,       1.0,         1. / 2,       1. / 6,        1. / 24,
                                1. / 120,  1. / 720,    1. / 5040,    1. / 40320,    1. / 362880,
                                1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800.};
  constexpr int degree = single ? 7 : 13;
  y = fill<T>(T(inverse[degree]));
#pragma GCC unroll 16
  for (int k = degree - 1; k >= 0; --k) y = y * r + T(inverse[k]);
  B bits = __builtin_convertvector(n, B);
  bits = (bits + (single ? 127 : 1023)) << (single ? 23 : 52);
  V scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return y * scale;
}

template <class T>
RUNGS_INLINE Vec<T> sigmoid(Vec<T> x) {
  return T(1) / (T(1) + exp<T>(-x));
}

// sin and cos: x = q π/2 + r, Taylor series of r, and the quadrant's signs. For |x| below about 1e5
// in float32.
template <class T>
inline void sine_cosine(Vec<T> x, Vec<T>& sine, Vec<T>& cosine) {
  using V = Vec<T>;
  using B = typename Simd<T>::bits;
  constexpr bool single = sizeof(T) == 4;
  const T magic = single ? T(12582912.0) : T(6755399441055744.0);
  const V q = (x * T(0.63661977236758134308) + magic) - magic;
  // π/2 in three pieces, the first ones with few bits: their products with q are exact
  V r = x - q * (single ? T(1.5703125) : T(1.57079632673412561417e+00));
  r = r - q * (single ? T(4.837512969970703125e-4) : T(6.07710050630396597660e-11));
  r = r - q * (single ? T(7.549789948768648e-8) : T(2.02226624879595063154e-21));
  const V square = r * r;
  constexpr int terms = single ? 5 : 9;
  V s = fill<T>(1), c = fill<T>(1);
#pragma GCC unroll 16
  for (int k = terms; k >= 1; --k) {
    s = T(1) - s * square * T(1.0 / (2 * k * (2 * k + 1)));
    c = T(1) - c * square * T(1.0 / (2 * k * (2 * k - 1)));
  }
  s = s * r;
  const B quadrant = __builtin_convertvector(q, B);
  const V first = (quadrant & 1) != 0 ? c : s, second = (quadrant & 1) != 0 ? s : c;
  sine = (quadrant & 2) != 0 ? -first : first;
  cosine = ((quadrant + 1) & 2) != 0 ? -second : second;
}

// C (I, J) = or += Σ_k A(i, k) B(k, j), with A(i, k) at a[i row_step + k column_step], B and C in
// rows of b_width and c_width numbers; J is a multiple of the lanes.
template <class T, int Rows, int Vectors, bool Accumulate>
inline void block_product(T* c, int c_width, const T* a, int row_step, int column_step, const T* b,
                          int b_width, int K) {
  Vec<T> sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v)
      sums[i][v] = Accumulate ? load(c + i * c_width + v * kLanes<T>) : Vec<T>{};
  for (int k = 0; k < K; ++k) {
    Vec<T> of_b[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) of_b[v] = load(b + k * b_width + v * kLanes<T>);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      const T of_a = a[i * row_step + k * column_step];
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sums[i][v] += of_a * of_b[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) store(c + i * c_width + v * kLanes<T>, sums[i][v]);
}

template <class T, int Vectors, bool Accumulate>
inline void column_product(T* c, int c_width, const T* a, int row_step, int column_step, const T* b,
                           int b_width, int I, int K) {
  int i = 0;
  for (; i + kRowBlock <= I; i += kRowBlock)
    block_product<T, kRowBlock, Vectors, Accumulate>(c + i * c_width, c_width, a + i * row_step,
                                                     row_step, column_step, b, b_width, K);
  for (; i + 2 <= I; i += 2)
    block_product<T, 2, Vectors, Accumulate>(c + i * c_width, c_width, a + i * row_step, row_step,
                                             column_step, b, b_width, K);
  for (; i < I; ++i)
    block_product<T, 1, Vectors, Accumulate>(c + i * c_width, c_width, a + i * row_step, row_step,
                                             column_step, b, b_width, K);
}

template <class T, bool Accumulate>
void product(T* c, int c_width, const T* a, int row_step, int column_step, const T* b, int b_width,
             int I, int J, int K) {
  constexpr int L = kLanes<T>;
  for (int j = 0; j < J; j += kVectorBlock * L) {
    const int vectors = (J - j) / L < kVectorBlock ? (J - j) / L : kVectorBlock;
    T* cj = c + j;
    const T* bj = b + j;
    switch (vectors) {
      case 1:
        column_product<T, 1, Accumulate>(cj, c_width, a, row_step, column_step, bj, b_width, I, K);
        break;
      case 2:
        column_product<T, 2, Accumulate>(cj, c_width, a, row_step, column_step, bj, b_width, I, K);
        break;
      case 3:
        column_product<T, 3, Accumulate>(cj, c_width, a, row_step, column_step, bj, b_width, I, K);
        break;
      default:
        column_product<T, kVectorBlock, Accumulate>(cj, c_width, a, row_step, column_step, bj,
                                                    b_width, I, K);
    }
  }
}

}  // namespace rungs
