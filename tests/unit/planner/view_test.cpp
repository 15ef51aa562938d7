// Views against lists of indices: what stands where after slices, permutations and broadcasts.
#include "planner/view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace brainsurgery {
namespace {

// A tensor of its own elements' numbers, worked on element by element.
struct Numbers {
  Shape shape;
  std::vector<std::int64_t> values;

  static Numbers of(const Shape& shape) {
    Numbers all{shape, std::vector<std::int64_t>(static_cast<std::size_t>(element_count(shape)))};
    std::iota(all.values.begin(), all.values.end(), 0);
    return all;
  }
  // The tensor of `new_shape` whose element at each index is this one's at source(index).
  template <typename Source>
  [[nodiscard]] Numbers gather(const Shape& new_shape, const Source& source) const {
    Numbers result{new_shape, {}};
    const std::vector<std::int64_t> strides = row_major_strides(shape), new_strides = row_major_strides(new_shape);
    for (std::int64_t i = 0; i < element_count(new_shape); ++i) {
      std::vector<std::int64_t> index(new_shape.size());
      for (std::size_t d = 0; d < index.size(); ++d) index[d] = i / new_strides[d] % new_shape[d];
      const std::vector<std::int64_t> from = source(index);
      std::int64_t place = 0;
      for (std::size_t d = 0; d < from.size(); ++d) place += from[d] * strides[d];
      result.values.push_back(values[static_cast<std::size_t>(place)]);
    }
    return result;
  }
  [[nodiscard]] Numbers slice(const Region& region) const {
    return gather(region.shape(), [&](const std::vector<std::int64_t>& index) {
      std::vector<std::int64_t> from;
      std::size_t kept = 0;
      for (const Region::Axis& axis : region.axes)
        from.push_back(axis.start + (axis.dropped ? 0 : axis.step * index[kept++]));
      return from;
    });
  }
  [[nodiscard]] Numbers permute(const std::vector<int>& order) const {
    Shape permuted;
    for (const int axis : order) permuted.push_back(shape[axis]);
    return gather(permuted, [&](const std::vector<std::int64_t>& index) {
      std::vector<std::int64_t> from(index.size());
      for (std::size_t i = 0; i < order.size(); ++i) from[order[i]] = index[i];
      return from;
    });
  }
  [[nodiscard]] Numbers broadcast(const Shape& wide) const {
    return gather(wide, [&](const std::vector<std::int64_t>& index) {
      std::vector<std::int64_t> from;
      for (std::size_t d = 0; d < shape.size(); ++d)
        from.push_back(shape[d] == 1 ? 0 : index[d + wide.size() - shape.size()]);
      return from;
    });
  }
};

std::vector<std::int64_t> places_of(const StridedMap& map) {
  std::vector<std::int64_t> places{map.offset};
  for (std::size_t i = 0; i < map.shape.size(); ++i) {
    std::vector<std::int64_t> next;
    for (const std::int64_t place : places) {
      for (std::int64_t k = 0; k < map.shape[i]; ++k) next.push_back(place + k * map.strides[i]);
    }
    places = std::move(next);
  }
  return places;
}

// One step from a tensor to a part or arrangement of it.
struct Step {
  int kind;
  Region region;
  std::vector<int> order;
  Shape from, to;
};

Step any_step(const Shape& shape, std::mt19937& engine) {
  Step step{static_cast<int>(engine() % 3), {}, {}, shape, {}};
  if (step.kind == 0) {
    for (const std::int64_t size : shape) {
      const auto start = static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(size));
      const std::int64_t stride = 1 + engine() % 3;
      const std::int64_t most = (size - start + stride - 1) / stride;
      const bool dropped = engine() % 4 == 0;
      step.region.axes.push_back(
          {start, dropped ? 1 : 1 + static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(most)),
           dropped ? 1 : stride, dropped});
    }
    step.to = step.region.shape();
  } else if (step.kind == 1) {
    step.order.resize(shape.size());
    std::iota(step.order.begin(), step.order.end(), 0);
    std::ranges::shuffle(step.order, engine);
    for (const int axis : step.order) step.to.push_back(shape[axis]);
  } else {
    step.to = shape;
    for (std::int64_t& size : step.to) size = size == 1 && engine() % 2 == 0 ? 3 : size;
    if (step.to.size() < 4 && engine() % 2 == 0) step.to.insert(step.to.begin(), 2);
  }
  return step;
}

TEST(View, ComposesLikeTheOperationsOneAfterAnother) {
  std::mt19937 engine(1);
  for (int round = 0; round < 3000; ++round) {
    Shape shape(engine() % 5);
    for (std::int64_t& size : shape) size = 1 + engine() % 5;
    Numbers expected = Numbers::of(shape);
    std::vector<Step> steps;
    for (std::size_t count = engine() % 5; steps.size() < count && expected.values.size() < 500;) {
      const Step step = any_step(expected.shape, engine);
      expected = step.kind == 0   ? expected.slice(step.region)
                 : step.kind == 1 ? expected.permute(step.order)
                                  : expected.broadcast(step.to);
      steps.push_back(step);
    }
    View view = View::identity(expected.shape);
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      view = step->kind == 0   ? view.through_slice(step->region, step->from)
             : step->kind == 1 ? view.through_permute(step->order, step->from)
                               : view.through_broadcast(step->from);
    }
    ASSERT_EQ(view.in_shape, shape);
    ASSERT_EQ(view.out_shape, expected.shape);
    const StridedMap map = strided(view);
    ASSERT_EQ(places_of(map), expected.values) << "round " << round;
    const bool in_order = std::ranges::is_sorted(expected.values) &&
                          expected.values.back() - expected.values.front() == std::ssize(expected.values) - 1;
    ASSERT_EQ(map.is_contiguous(), in_order && std::ranges::adjacent_find(expected.values) == expected.values.end());
  }
}

TEST(View, Identity) {
  EXPECT_TRUE(View::identity({}).is_identity());
  EXPECT_TRUE(View::identity({2, 0, 3}).is_identity());
  EXPECT_FALSE(View::identity({2, 3}).through_permute({1, 0}, {3, 2}).is_identity());
  EXPECT_FALSE(View::identity({2}).through_slice({{{1, 2, 1, false}}}, {4}).is_identity());
}

TEST(StridedMap, JoinsNeighbours) {
  struct Row {
    View view;
    Shape shape;
    std::vector<std::int64_t> strides;
  };
  const auto sliced = [](const Region& region, const Shape& base) {
    return View::identity(region.shape()).through_slice(region, base);
  };
  const std::vector<Row> rows{
      {View::identity({2, 3, 4}), {24}, {1}},
      {View::identity({1, 1}), {}, {}},
      {View::identity({3, 2}).through_permute({1, 0}, {2, 3}), {3, 2}, {1, 3}},
      {View::identity({4, 2, 3}).through_permute({2, 0, 1}, {2, 3, 4}), {4, 6}, {1, 4}},
      {sliced({{{0, 2, 1, false}, {1, 2, 1, false}, {0, 4, 1, false}}}, {2, 3, 4}), {2, 8}, {12, 1}},
      {sliced({{{1, 1, 1, false}, {1, 2, 1, false}, {0, 4, 1, false}}}, {2, 3, 4}), {8}, {1}},
      {sliced({{{0, 3, 2, false}, {0, 4, 1, true}}}, {6, 1}), {3}, {2}},
      {View::identity({5, 2, 3}).through_broadcast({3}), {10, 3}, {0, 1}},
      {View::identity({2, 0, 3}), {0}, {1}},
      {View::identity({3, 0, 2}).through_permute({2, 1, 0}, {2, 0, 3}), {0}, {1}},
  };
  for (const Row& row : rows) {
    const StridedMap map = strided(row.view);
    EXPECT_EQ(map.shape, row.shape);
    EXPECT_EQ(map.strides, row.strides);
  }
}

// Strides of a reshape find the same elements in the same order, and are found wherever PyTorch's view() finds them.
TEST(ReshapedStrides, FindTheSameElements) {
  const auto places = [](const Shape& shape, const std::vector<std::int64_t>& strides) {
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      std::int64_t rest = i, place = 0;
      for (std::size_t dim = shape.size(); dim-- > 0;) {
        place += rest % shape[dim] * strides[dim];
        rest /= shape[dim];
      }
      result.push_back(place);
    }
    return result;
  };
  std::mt19937 engine(1);
  int found = 0;
  for (int round = 0; round < 5000; ++round) {
    const auto draw = [&](int bound) { return static_cast<std::int64_t>(engine() % static_cast<unsigned>(bound)); };
    const Shape shapes[] = {{2, 3, 4}, {4, 6}, {24}, {1, 24, 1}, {6, 1, 4}, {2, 12}, {2, 2, 6}, {3, 8}};
    const Shape& shape = shapes[draw(8)];
    const Shape& other = shapes[draw(8)];
    std::vector<std::int64_t> strides = row_major_strides(shape);
    if (draw(2) == 0) strides[static_cast<std::size_t>(draw(static_cast<int>(shape.size())))] = draw(13);
    const auto result = reshaped_strides(shape, strides, other);
    if (!result) continue;
    ++found;
    EXPECT_EQ(places(other, *result), places(shape, strides)) << to_string(shape) << " as " << to_string(other);
  }
  EXPECT_GT(found, 2000);
  EXPECT_EQ(reshaped_strides({2, 3}, {1, 2}, {6}), std::nullopt);
  EXPECT_EQ(reshaped_strides({4, 3}, {1, 4}, {2, 2, 3}), (std::vector<std::int64_t>{2, 1, 4}));
  EXPECT_EQ(reshaped_strides({2, 3}, {0, 1}, {2, 3, 1}), (std::vector<std::int64_t>{0, 1, 1}));
}

}  // namespace
}  // namespace brainsurgery
