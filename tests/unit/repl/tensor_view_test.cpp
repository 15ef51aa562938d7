#include "repl/tensor_view.h"

#include <gtest/gtest.h>

#include "repl/candidates.h"

namespace brainsurgery {
namespace {

TensorProfile profile_of(TensorInfo info) {
  TensorProfile profile;
  profile.part = std::move(info);
  return profile;
}

TEST(CornerOf, IsWhatATerminalHasRoomFor) {
  const CornerPart matrix = corner_of({100, 100}, 60);
  EXPECT_EQ(matrix.slice, "[0:6, 0:5]");
  EXPECT_TRUE(matrix.more_rows && matrix.more_columns);
  EXPECT_EQ(corner_of({2, 3, 4, 5}, 80).slice, "[0, 0, 0:4, 0:5]");
  EXPECT_EQ(corner_of({3}, 80).slice, "[0:3]");
  EXPECT_EQ(corner_of({3}, 1).slice, "[0:1]");
  EXPECT_EQ(corner_of({}, 80).slice, "");
  EXPECT_EQ(corner_of({}, 80).count, 1);
  EXPECT_EQ(corner_of({0, 3}, 80).count, 0);
}

TEST(HistogramView, ShowsEveryBinThatHasAnElement) {
  EXPECT_EQ(histogram_view({0, 1, {8, 4, 0, 1}}, 2), "█   \n██ ▂\n0  1\n");
  EXPECT_EQ(histogram_view({-1, 1, {1000, 1, 0}}, 1), "█▁ \n-1 1\n");
  EXPECT_EQ(histogram_view({0, 1, {0, 0, 0}}, 1), "   \n0 1\n") << "nothing lies in the range";
}

TEST(HistogramView, HasFewBinsOfFewElements) {
  EXPECT_EQ(usual_bins(6, 80), 8);
  EXPECT_EQ(usual_bins(1000, 80), 20);
  EXPECT_EQ(usual_bins(1'000'000, 80), 64);
  EXPECT_EQ(usual_bins(1'000'000, 40), 39);
  EXPECT_EQ(usual_bins(1'000'000, 3), 8);
}

TEST(TensorView, ShowsNumbersCornerAndHistogram) {
  TensorProfile profile = profile_of({"w", "float32", {2, 2}, true, 16});
  profile.elements = {4, 1, 0, 2, 0, 1.5, 0.5, 0.25, 1.5};
  profile.histogram = Histogram{0, 1.5, {2, 1}};
  const CornerPart corner = corner_of(profile.part.shape, 80);
  EXPECT_EQ(tensor_view("m::w", profile, corner, {0.0, 1.5, 0.0, 1.0}),
            "m::w  float32 [2, 2]  16 B\n"
            "elements 4  zeros 2 (50%)  NaN 1 (25%)  Inf 0\n"
            "min 0  max 1.5  mean 0.5  std 0.25  l2 1.5\n\n"
            "          0        1.5\n"
            "          0          1\n\n"
            "█ \n█ \n█▄\n██\n██\n0 1.5\n2 bins, the highest has 2 elements\n");
}

TEST(TensorView, SaysWhyThereAreNoNumbers) {
  EXPECT_EQ(tensor_view("m::e", profile_of({"e", "float32", {0}, true, 0}), corner_of({0}, 80), {}),
            "m::e  float32 [0]  0 B\nit has no elements\n");
  TensorProfile complex = profile_of({"c", "complex64", {2}, true, 16});
  complex.elements.count = 2;
  EXPECT_EQ(tensor_view("m::c", complex, corner_of({2}, 80), {}),
            "m::c  complex64 [2]  16 B\nits elements have no numbers to show\n");
}

TEST(Candidates, HaveACommonBeginning) {
  EXPECT_EQ(common_beginning({"h.0.w", "h.0.b"}), "h.0.");
  EXPECT_EQ(common_beginning({"a", "b"}), "");
  EXPECT_EQ(common_beginning({"a\xC3\xA4", "a\xC3\xB6"}), "a") << "half a character is none";
  EXPECT_EQ(common_beginning({}), "");
}

TEST(Candidates, StandInColumns) {
  EXPECT_EQ(in_columns({"h.0.a", "h.0.b", "h.0.ccc"}, 80, 10), "a    b    ccc\n");
  EXPECT_EQ(in_columns({"a", "b", "c"}, 6, 10), "a  c\nb\n");
  EXPECT_EQ(in_columns({"a", "b", "c"}, 1, 2), "a\nb\n... 3 candidates in all\n");
  EXPECT_EQ(in_columns({"from: ", "to: "}, 80, 10), "from:  to:\n");
  EXPECT_EQ(in_columns({"\x1b[2J"}, 80, 10), "\\x1b[2J\n");
}

}  // namespace
}  // namespace brainsurgery
