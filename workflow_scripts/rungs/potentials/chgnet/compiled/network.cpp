// CHGNet for the frames of a batch, in C++: one call forward and towards the geometry, one back from
// the loss. Frames share no rows, so each thread takes its own through the whole network, one frame
// at a time: its rows stay in the thread's cache, and threads meet only at the end.

#include <cfenv>
#include <thread>

#include "backward.hpp"
#include "forward.hpp"
#include "geometry.hpp"
#include "last.hpp"
#include "optimizer.hpp"
#include "tangent.hpp"

namespace rungs {

enum Outcome { kDone = 0, kNoMemory = 1 };

// Runs visit(0) … visit(n - 1) side by side; returns how it ended.
template <class Visit>
Outcome side_by_side(int n, Visit visit) {
  std::fenv_t environment;  // whether denormal numbers are flushed
  std::fegetenv(&environment);
  std::vector<char> failed(n, 0);
  auto guarded = [&](int i) {
    std::fesetenv(&environment);
    try {
      visit(i);
    } catch (const std::bad_alloc&) {
      failed[i] = 1;
    }
  };
  std::vector<std::thread> threads;
  int started = 1;
  try {
    for (; started < n; ++started) threads.emplace_back(guarded, started);
  } catch (const std::exception&) {
    // no more threads here: this one does their work
  }
  if (n) guarded(0);
  for (int i = started; i < n; ++i) guarded(i);
  for (auto& thread : threads) thread.join();
  return std::count(failed.begin(), failed.end(), 1) ? kNoMemory : kDone;
}

template <class T>
struct Part {
  std::int64_t begin, end;  // frames
  Stack tape;
  std::vector<Frame<T>> frames;
};

// An evaluated batch, and all that the way back from the loss needs.
template <class T>
struct Evaluated {
  Stack packed;
  Model<T> model;
  Batch<T> batch;
  std::vector<Part<T>> parts;

  Evaluated(const Spec& spec, const Batch<T>& given, int n_threads, const T* const* parameters)
      : model(spec, packed.take<T>(Model<T>(spec, nullptr).packed_size())),
        batch(given),
        parts(std::min<std::int64_t>(n_threads, given.n_frames)) {
    model.pack(parameters);
    std::int64_t all = 0, done = 0, frame = 0;
    for (std::int64_t g = 0; g < batch.n_frames; ++g) all += batch.cost(g);
    const std::int64_t n = std::int64_t(parts.size());
    for (std::int64_t p = 0; p < n; ++p) {
      parts[p].begin = frame;
      while (frame < batch.n_frames && (done * n < all * (p + 1) || p == n - 1))
        done += batch.cost(frame++);
      parts[p].end = frame;
    }
  }

  Outcome evaluate(const Wanted<T>& wanted, bool keep) {
    return side_by_side(int(parts.size()), [&](int p) {
      Part<T>& part = parts[p];
      Stack work;
      T* tile = work.take<T>(model.tile_size);
      part.frames.reserve(part.end - part.begin);
      for (std::int64_t g = part.begin; g < part.end; ++g) {
        const auto of_tape = part.tape.mark(), of_work = work.mark();
        part.frames.emplace_back(model, batch, g, part.tape);
        part.frames.back().evaluate(wanted, part.tape, work, tile);
        work.back_to(of_work);
        if (keep) continue;
        part.frames.pop_back();
        part.tape.back_to(of_tape);
      }
    });
  }

  Outcome learn(const LossBars<T>& loss, T* const* gradients) {
    Stack all_sums;
    std::vector<T*> sums;
    for (std::size_t p = 0; p < parts.size(); ++p)
      sums.push_back(all_sums.take<T>(model.sums_size()));
    const Outcome outcome = side_by_side(int(parts.size()), [&](int p) {
      std::fill_n(sums[p], model.sums_size(), T(0));
      Stack work;
      T* tile = work.take<T>(model.tile_size);
      for (Frame<T>& frame : parts[p].frames) {
        const auto mark = work.mark();
        frame.learn(loss, work, sums[p], tile);
        work.back_to(mark);
      }
    });
    if (outcome != kDone) return outcome;
    for (std::size_t p = 1; p < parts.size(); ++p) add(sums[0], sums[p], model.sums_size());
    model.unpack(sums[0], gradients);
    return kDone;
  }
};

// Returns what is kept for `learn`, or null where nothing is to be kept.
template <class T>
void* evaluate(const Spec& spec, const Batch<T>& batch, const T* const* parameters, int n_threads,
               const Wanted<T>& wanted, int keep, int& outcome) {
  try {
    auto found = std::make_unique<Evaluated<T>>(spec, batch, n_threads, parameters);
    outcome = found->evaluate(wanted, keep);
    return keep && outcome == kDone ? found.release() : nullptr;
  } catch (const std::bad_alloc&) {
    outcome = kNoMemory;
    return nullptr;
  }
}

template <class T>
int learn(Evaluated<T>& evaluated, const LossBars<T>& loss, T* const* gradients) {
  try {
    return evaluated.learn(loss, gradients);
  } catch (const std::bad_alloc&) {
    return kNoMemory;
  }
}

}  // namespace rungs

#define RUNGS_EXPORT(T)                                                                            \
  extern "C" void* evaluate_##T(const rungs::Spec* spec, const rungs::Batch<T>* batch,             \
                                const T* const* parameters, int n_threads,                         \
                                const rungs::Wanted<T>* wanted, int keep, int* outcome) {          \
    return rungs::evaluate<T>(*spec, *batch, parameters, n_threads, *wanted, keep, *outcome);      \
  }                                                                                                \
  extern "C" int learn_##T(void* evaluated, const rungs::LossBars<T>* loss, T* const* gradients) { \
    return rungs::learn<T>(*static_cast<rungs::Evaluated<T>*>(evaluated), *loss, gradients);       \
  }                                                                                                \
  extern "C" void release_##T(void* evaluated) {                                                   \
    delete static_cast<rungs::Evaluated<T>*>(evaluated);                                           \
  }                                                                                                \
  extern "C" void adam_##T(std::int64_t n, T* parameters, const T* gradient, T* mean, T* square,     \
                           T* average, const rungs::AdamStep<T>* step) {                           \
    rungs::adam<T>(n, parameters, gradient, mean, square, average, *step);                         \
  }                                                                                                \
  extern "C" int n_parameters_##T(const rungs::Spec* spec) {                                       \
    return rungs::Model<T>(*spec, nullptr).n_parameters();                                         \
  }

RUNGS_EXPORT(float)
RUNGS_EXPORT(double)

extern "C" void clear_memory() { rungs::Blocks::clear(); }
