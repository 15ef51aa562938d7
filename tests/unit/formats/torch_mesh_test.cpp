#include "formats/torch_mesh.h"

#include <gtest/gtest.h>

namespace brainsurgery {
namespace {

constexpr std::int64_t kAll = MeshPlace::kReplicated;

TEST(TorchMesh, CutsAsChunkDoes) {
  const auto starts = [](std::int64_t rank, const Shape& part) {
    return MeshPlace{{0}, {4}, {rank}}.starts_of({5, 3}, part);
  };
  EXPECT_EQ(starts(0, {2, 3}), (Shape{0, 0}));
  EXPECT_EQ(starts(2, {1, 3}), (Shape{4, 0}));
  EXPECT_EQ(starts(3, {0, 3}), (Shape{5, 0}));   // nothing is left for the last one
  EXPECT_EQ(starts(0, {1, 3}), std::nullopt);    // another shape than the cut gives
  EXPECT_EQ(starts(4, {0, 3}), std::nullopt);    // no process of the mesh
}

TEST(TorchMesh, CutsAxisByAxis) {
  EXPECT_EQ((MeshPlace{{0, 1}, {2, 2}, {1, 1}}.starts_of({5, 6}, {2, 3})), (Shape{3, 3}));
  EXPECT_EQ((MeshPlace{{kAll, 0}, {2, 2}, {1, 0}}.starts_of({4, 6}, {2, 6})), (Shape{0, 0}));
  EXPECT_EQ((MeshPlace{{0, 0}, {2, 2}, {1, 1}}.starts_of({8}, {2})), (Shape{6}));  // what the first cut left, again
}

TEST(TorchMesh, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ((MeshPlace{{MeshPlace::kPartial}, {2}, {0}}.starts_of({4}, {4})), std::nullopt);
  EXPECT_EQ((MeshPlace{{1}, {2}, {0}}.starts_of({4}, {4})), std::nullopt);
  EXPECT_EQ((MeshPlace{{0}, {0}, {0}}.starts_of({4}, {4})), std::nullopt);
  EXPECT_EQ((MeshPlace{{0}, {}, {}}.starts_of({4}, {4})), std::nullopt);
  EXPECT_EQ((MeshPlace{{0}, {INT64_MAX}, {INT64_MAX - 1}}.starts_of({4}, {0})), (Shape{4}));
}

}  // namespace
}  // namespace brainsurgery
