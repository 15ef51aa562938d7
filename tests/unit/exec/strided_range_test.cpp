// Ranges of strided maps against walks over every element.
#include "exec/strided_range.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace brainsurgery {
namespace {

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

std::vector<StridedMap> maps() {
  std::vector<StridedMap> all{{5, {}, {}},         {0, {7}, {1}},       {3, {7}, {4}},
                              {0, {3, 4}, {1, 3}}, {2, {3, 4}, {0, 1}}, {0, {1, 1, 1}, {0, 0, 0}}};
  std::mt19937 engine(1);
  for (int i = 0; i < 60; ++i) {
    StridedMap map{static_cast<std::int64_t>(engine() % 9), {}, {}};
    for (std::size_t rank = 1 + engine() % 4; map.shape.size() < rank;) {
      map.shape.push_back(1 + engine() % 4);
      map.strides.push_back(engine() % 20);
    }
    all.push_back(map);
  }
  return all;
}

TEST(StridedRange, BoxesCoverEveryRangeInOrder) {
  for (const StridedMap& map : maps()) {
    const std::vector<std::int64_t> places = places_of(map);
    const std::int64_t count = std::ssize(places);
    for (std::int64_t begin = 0; begin <= count; ++begin) {
      for (std::int64_t end = begin; end <= count; ++end) {
        std::vector<std::int64_t> visited;
        std::size_t boxes = 0;
        for_each_box(map, begin, end, [&](const StridedMap& box) {
          ++boxes;
          const std::vector<std::int64_t> inside = places_of(box);
          visited.insert(visited.end(), inside.begin(), inside.end());
        });
        ASSERT_EQ(visited, std::vector(places.begin() + begin, places.begin() + end)) << begin << " to " << end;
        ASSERT_LE(boxes, 2 * map.shape.size() + 1);
      }
    }
  }
}

// Maps as overwritten regions have them: places grow with the index.
TEST(StridedRange, FirstAtOrAfterFindsThePlace) {
  std::mt19937 engine(2);
  std::vector<StridedMap> growing{{5, {}, {}}, {0, {7}, {1}}, {3, {7}, {4}}};
  for (int i = 0; i < 200; ++i) {
    StridedMap map{static_cast<std::int64_t>(engine() % 9), {}, {}};
    std::int64_t extent = 1;  // of a row, gaps included
    for (std::size_t rank = 1 + engine() % 4; map.shape.size() < rank;) {
      const std::int64_t stride = extent + static_cast<std::int64_t>(engine() % 3);
      map.shape.insert(map.shape.begin(), 1 + engine() % 4);
      map.strides.insert(map.strides.begin(), stride);
      extent = stride * map.shape.front();
    }
    growing.push_back(map);
  }
  for (const StridedMap& map : growing) {
    const std::vector<std::int64_t> places = places_of(map);
    for (std::int64_t place = 0; place <= places.back() + 3; ++place) {
      const auto expected = std::lower_bound(places.begin(), places.end(), place) - places.begin();
      ASSERT_EQ(first_at_or_after(map, place), expected) << "place " << place;
    }
  }
}

}  // namespace
}  // namespace brainsurgery
