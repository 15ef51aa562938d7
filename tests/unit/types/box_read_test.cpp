// Boxes of elements out of a file, and how often it is read for them.
#include "types/box_read.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace brainsurgery {
namespace {

// Elements of the file are their own numbers.
void check(const FileBox& box) {
  const PackedBox packed = packed_box(box);
  std::vector<std::byte> memory(static_cast<std::size_t>(packed.bytes));
  const ReadCost cost = read_cost(box);
  ReadCost done;
  std::int64_t last = -1;
  read_box(box, memory, [&](std::int64_t offset, std::span<std::byte> into) {
    EXPECT_GT(offset, last) << "not in the order of the file";
    last = offset;
    ++done.reads;
    done.bytes += std::ssize(into);
    for (std::size_t i = 0; i < into.size(); i += 4) {
      const auto number = static_cast<std::int32_t>((offset + static_cast<std::int64_t>(i)) / 4);
      std::memcpy(into.data() + i, &number, 4);
    }
  });
  EXPECT_EQ(done.reads, cost.reads);
  EXPECT_EQ(done.bytes, cost.bytes);
  std::vector<std::int64_t> index(box.shape.size(), 0);
  for (std::int64_t left = element_count(box.shape); left > 0; --left) {
    std::int64_t place = 0, at = 0;
    for (std::size_t i = 0; i < index.size(); ++i) {
      place += index[i] * box.strides[i];
      at += index[i] * packed.strides[i];
    }
    std::int32_t got = 0;
    std::memcpy(&got, memory.data() + at * 4, 4);
    ASSERT_EQ(got, place);
    for (std::size_t i = index.size(); i-- > 0;) {
      if (++index[i] < box.shape[i]) break;
      index[i] = 0;
    }
  }
}

TEST(BoxRead, GivesEveryElement) {
  check({{}, {}, 4});
  check({{0, 3}, {3, 1}, 4});
  check({{5, 7}, {7, 1}, 4});
  check({{7, 5}, {1, 7}, 4});
  check({{3, 100}, {1, 5000}, 4});
  check({{2, 3, 4}, {0, 4, 1}, 4});
  check({{1, 9, 1}, {7, 2, 0}, 4});
  std::mt19937 random(1);
  for (int turn = 0; turn < 200; ++turn) {
    const std::size_t rank = 1 + random() % 4;
    FileBox box{{}, {}, 4};
    std::vector<std::size_t> order(rank);
    for (std::size_t i = 0; i < rank; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    box.shape.resize(rank);
    box.strides.resize(rank);
    std::int64_t stride = 1;
    for (const std::size_t i : order) {
      stride *= 1 + random() % 3 * (random() % 40);
      box.shape[i] = 1 + random() % 6;
      box.strides[i] = random() % 8 == 0 ? 0 : stride;
      stride *= box.shape[i];
    }
    check(box);
  }
}

TEST(BoxRead, ReadsRunsAsTheyAreAndPicksFromWhatIsNear) {
  EXPECT_EQ(read_cost({{1000, 1000}, {1000, 1}, 4}).reads, 1);
  EXPECT_EQ(read_cost({{64, 1000}, {1, 4096}, 4}).reads, 1000);
  EXPECT_EQ(read_cost({{64, 1000}, {1, 4096}, 4}).bytes, 64 * 1000 * 4);
  EXPECT_EQ(read_cost({{1000}, {2}, 4}).reads, 1);
  EXPECT_EQ(read_cost({{1000}, {5000}, 4}).reads, 1000);
}

}  // namespace
}  // namespace brainsurgery
