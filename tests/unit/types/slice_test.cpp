#include <gtest/gtest.h>

#include <random>

#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {
namespace {

std::string error_of(std::string_view text) {
  try {
    (void)parse_slice(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    return error.what();
  }
  return "";
}

TEST(Slices, ParsedComponents) {
  EXPECT_TRUE(parse_slice("[]").items.empty());
  EXPECT_TRUE(parse_slice(" [ ] ").items.empty());
  const Slice slice = parse_slice("[ 1 : 3 , -1, ::2, +1_0:, ..., 2:5:2]");
  ASSERT_EQ(slice.items.size(), 6U);
  EXPECT_EQ(slice.items[0].start, 1);
  EXPECT_EQ(slice.items[0].stop, 3);
  EXPECT_EQ(slice.items[1].kind, SliceItem::Kind::index);
  EXPECT_EQ(slice.items[1].index, -1);
  EXPECT_EQ(slice.items[2].step, 2);
  EXPECT_EQ(slice.items[2].start, std::nullopt);
  EXPECT_EQ(slice.items[3].start, 10);
  EXPECT_EQ(slice.items[4].kind, SliceItem::Kind::ellipsis);
  EXPECT_EQ(slice.text, "[ 1 : 3 , -1, ::2, +1_0:, ..., 2:5:2]");
}

TEST(Slices, RefusalsQuoteTheComponent) {
  EXPECT_EQ(error_of("[None]"),
            "bad component 'None' in slice '[None]': expected an integer, start:stop:step or '...'");
  EXPECT_EQ(error_of("[0:1:1:1]"), "bad component '0:1:1:1' in slice '[0:1:1:1]': a range has at most start:stop:step");
  EXPECT_EQ(error_of("[:, 1.0]"),
            "bad component '1.0' in slice '[:, 1.0]': expected an integer, start:stop:step or '...'");
  EXPECT_EQ(error_of("[::-1]"), "bad component '::-1' in slice '[::-1]': the step must be at least 1");
  EXPECT_EQ(error_of("[::0]"), "bad component '::0' in slice '[::0]': the step must be at least 1");
  EXPECT_EQ(error_of("[a:2]"), "bad component 'a:2' in slice '[a:2]': 'a' is not an integer");
  EXPECT_EQ(error_of("[1,]"), "bad component '' in slice '[1,]': it is empty");
  EXPECT_EQ(error_of("[..., ...]"), "bad component '...' in slice '[..., ...]': it may occur only once");
  EXPECT_EQ(error_of("1:2"), "a slice must be in brackets, as in '[0, 1:3]', not '1:2'");
  EXPECT_NE(error_of("[[0,1]]"), "");
  EXPECT_NE(error_of(""), "");
  EXPECT_NE(error_of("["), "");
  EXPECT_NE(error_of("[1__0]"), "");
}

TEST(Slices, Selection) {
  const Region part = select(parse_slice("[:, 1]"), {2, 3});
  EXPECT_EQ(part.shape(), (Shape{2}));
  EXPECT_EQ(part.axes[1], (Region::Axis{1, 1, 1, true}));
  EXPECT_EQ(select(parse_slice("[..., 0]"), {2, 3, 4}).shape(), (Shape{2, 3}));
  EXPECT_EQ(select(parse_slice("[0, ...]"), {2}).shape(), Shape{});
  EXPECT_EQ(select(parse_slice("[...]"), {}).shape(), Shape{});
  EXPECT_TRUE(select(parse_slice("[]"), {2, 3}).is_whole({2, 3}));
  EXPECT_TRUE(select(parse_slice("[0:99]"), {2, 3}).is_whole({2, 3}));
  EXPECT_FALSE(select(parse_slice("[0]"), {1}).is_whole({1}));
  EXPECT_TRUE(select(parse_slice("[::7]"), {1}).is_whole({1}));
  EXPECT_EQ(select(parse_slice("[-99999999999999999999:99999999999999999999]"), {4}).shape(), (Shape{4}));
  EXPECT_EQ(select(parse_slice("[::9223372036854775807]"), {4}).shape(), (Shape{1}));
  EXPECT_THROW((void)select(parse_slice("[0, 0]"), {3}), Error);
  EXPECT_THROW((void)select(parse_slice("[3]"), {3}), Error);
  EXPECT_THROW((void)select(parse_slice("[-4]"), {3}), Error);
  EXPECT_THROW((void)select(parse_slice("[0]"), {0}), Error);
}

// The indices that Python's range(size)[start:stop:step] has, by walking: no arithmetic in common with select().
std::vector<std::int64_t> naive(const SliceItem& item, std::int64_t size) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) all[static_cast<std::size_t>(i)] = i;
  const auto bound = [&](std::optional<std::int64_t> value, std::int64_t otherwise) {
    if (!value) return otherwise;
    return *value < 0 ? *value + size : *value;
  };
  std::vector<std::int64_t> taken;
  std::int64_t skip = 0;
  for (const std::int64_t i : all) {
    if (i < bound(item.start, 0) || i >= bound(item.stop, size)) continue;
    if (skip == 0) taken.push_back(i);
    skip = (skip + 1) % item.step;
  }
  return taken;
}

TEST(Slices, RangesEqualPythons) {
  std::mt19937 random(1);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  for (int round = 0; round < 20000; ++round) {
    const std::int64_t size = draw(0, 9);
    const std::string start = draw(0, 3) == 0 ? "" : std::to_string(draw(-12, 12));
    const std::string stop = draw(0, 3) == 0 ? "" : std::to_string(draw(-12, 12));
    const std::string step = draw(0, 2) == 0 ? "" : ":" + std::to_string(draw(1, 5));
    const Slice slice = parse_slice("[" + start + ":" + stop + step + "]");
    const Region region = select(slice, {size});
    std::vector<std::int64_t> got;
    for (std::int64_t i = 0; i < region.axes[0].count; ++i)
      got.push_back(region.axes[0].start + i * region.axes[0].step);
    ASSERT_EQ(got, naive(slice.items[0], size)) << slice.text << " of " << size;
  }
}

}  // namespace
}  // namespace brainsurgery
