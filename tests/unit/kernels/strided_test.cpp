#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace brainsurgery::kernels {
namespace {

using Sizes = std::vector<std::int64_t>;

Sizes packed_strides(const Sizes& shape) {
  Sizes strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i > 0; --i) {
    strides[i - 1] = step;
    step *= shape[i - 1];
  }
  return strides;
}

std::int64_t extent(const Sizes& shape, const Sizes& strides) {
  std::int64_t last = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    last += (shape[i] - 1) * strides[i];
  }
  return last + 1;
}

// Copies with the definition, element by element, and with the function, and compares all bytes of the target.
void expect_copy(std::int64_t item, const Sizes& shape, const Sizes& from_strides, const Sizes& to_strides) {
  std::vector<std::uint8_t> from(static_cast<std::size_t>(item * extent(shape, from_strides)));
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i * 37 + i / 251);
  std::vector<std::uint8_t> to(static_cast<std::size_t>(item * extent(shape, to_strides)), 0xEE), expected = to;
  const std::int64_t count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  for (std::int64_t flat = 0; flat < count; ++flat) {
    std::int64_t rest = flat, source = 0, target = 0;
    for (std::size_t i = shape.size(); i > 0; --i) {
      source += rest % shape[i - 1] * from_strides[i - 1];
      target += rest % shape[i - 1] * to_strides[i - 1];
      rest /= shape[i - 1];
    }
    std::memcpy(&expected[target * item], &from[source * item], item);
  }
  copy_strided(from.data(), to.data(), item, {shape, from_strides, to_strides});
  EXPECT_EQ(to, expected) << to_string(shape) << to_string(from_strides) << to_string(to_strides) << item;
}

TEST(CopyStrided, Cases) {
  for (const std::int64_t item : {1, 2, 4, 8}) {
    expect_copy(item, {}, {}, {});
    expect_copy(item, {0, 3}, {3, 1}, {3, 1});
    expect_copy(item, {1}, {5}, {7});
    expect_copy(item, {100}, {1}, {1});
    expect_copy(item, {7, 9}, {9, 1}, {9, 1});
    expect_copy(item, {7, 9}, {20, 1}, {9, 1});       // rows of a wider matrix
    expect_copy(item, {7, 9}, {40, 2}, {9, 1});       // every second column
    expect_copy(item, {7, 9}, {9, 1}, {40, 3});       // scattered
    expect_copy(item, {7, 9}, {0, 1}, {9, 1});        // one row repeated
    expect_copy(item, {7, 9}, {1, 0}, {9, 1});        // one column repeated
    expect_copy(item, {7, 9}, {0, 0}, {9, 1});        // one element repeated
    expect_copy(item, {133, 77}, {1, 133}, {77, 1});  // transposes with ragged edges
    expect_copy(item, {64, 32}, {1, 64}, {32, 1});
    expect_copy(item, {5, 65, 33}, {65 * 33, 1, 65}, {65 * 33, 33, 1});
    expect_copy(item, {65, 5, 33}, {1, 65 * 33, 65}, {5 * 33, 33, 1});
    expect_copy(item, {3, 40, 50}, {1, 150, 3}, {2000, 50, 1});
  }
}

TEST(CopyStrided, RandomPermutationsAndSlices) {
  std::mt19937 engine(5);
  for (int round = 0; round < 400; ++round) {
    const std::size_t rank = 1 + engine() % 5;
    Sizes shape(rank), order(rank);
    for (auto& size : shape) size = 1 + static_cast<std::int64_t>(engine() % (rank > 3 ? 5 : 19));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), engine);
    // The source is a permutation of a packed array, now and then with gaps or a repeated axis.
    Sizes permuted(rank), from_strides(rank);
    for (std::size_t i = 0; i < rank; ++i) permuted[i] = shape[static_cast<std::size_t>(order[i])] + engine() % 2;
    const Sizes strides = packed_strides(permuted);
    for (std::size_t i = 0; i < rank; ++i) {
      from_strides[static_cast<std::size_t>(order[i])] = engine() % 6 == 0 ? 0 : strides[i];
    }
    Sizes wide = shape;
    for (auto& size : wide) size += engine() % 2;
    expect_copy(std::int64_t{1} << engine() % 4, shape, from_strides, packed_strides(wide));
  }
}

}  // namespace
}  // namespace brainsurgery::kernels
