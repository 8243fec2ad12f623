// Memory that is taken piece by piece and given back all at once, and kept for the next time:
// asking the system for pages anew in each step would cost a tenth of it.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace rungs {

class Blocks {
 public:
  struct Block {
    char* at;
    std::size_t size;
  };
  // A block of `size` bytes or more for a stack that has `have` already. What does not fit into the
  // rest of a block goes into the next one, so large stacks get large blocks.
  static Block take(std::size_t size, std::size_t have) {
    std::lock_guard<std::mutex> lock(mutex());
    auto& spare = all();
    for (std::size_t i = spare.size(); i-- > 0;)
      if (spare[i].size >= size) {
        const Block found = spare[i];
        spare.erase(spare.begin() + i);
        return found;
      }
    const std::size_t least = std::size_t(1) << (have < (std::size_t(1) << 24) ? 21 : 23);
    size = (std::max(size, least) + 63) / 64 * 64;
    auto* at = static_cast<char*>(std::aligned_alloc(64, size));
    if (!at) throw std::bad_alloc();
    return {at, size};
  }
  static void give(const Block& block) {
    std::lock_guard<std::mutex> lock(mutex());
    all().push_back(block);
  }
  // Gives what is spare back to the system.
  static void clear() {
    std::lock_guard<std::mutex> lock(mutex());
    for (const Block& block : all()) std::free(block.at);
    all().clear();
  }

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static std::vector<Block>& all() {
    static std::vector<Block> spare;
    return spare;
  }
};

// Takes from blocks, one piece after the other; not for several threads.
class Stack {
 public:
  Stack() = default;
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    for (const auto& block : blocks_) Blocks::give(block);
  }

  template <class T>
  T* take(std::int64_t n) {
    const std::size_t size = (std::size_t(n) * sizeof(T) + 63) / 64 * 64;
    while (current_ < blocks_.size() && used_ + size > blocks_[current_].size) ++current_, used_ = 0;
    if (current_ == blocks_.size()) {
      blocks_.push_back(Blocks::take(size, all_));
      all_ += blocks_.back().size, used_ = 0;
    }
    char* at = blocks_[current_].at + used_;
    used_ += size;
    return reinterpret_cast<T*>(at);
  }
  template <class T>
  T* zeros(std::int64_t n) {
    T* at = take<T>(n);
    std::memset(static_cast<void*>(at), 0, std::size_t(n) * sizeof(T));
    return at;
  }
  template <class T>
  T* copy(const T* from, std::int64_t n) {
    T* at = take<T>(n);
    std::memcpy(at, from, std::size_t(n) * sizeof(T));
    return at;
  }

  struct Mark {
    std::size_t current, used;
  };
  Mark mark() const { return {current_, used_}; }
  // Everything taken since the mark is free again.
  void back_to(Mark mark) { current_ = mark.current, used_ = mark.used; }

 private:
  std::vector<Blocks::Block> blocks_;
  std::size_t current_ = 0, used_ = 0, all_ = 0;
};

}  // namespace rungs
