// Random patterns against an index that is computed axis by axis.
#include "transforms/axis_pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace brainsurgery {
namespace {

AxisPattern parsed(std::string text) { return parse_axis_pattern({std::move(text), "pattern"}); }

std::string mistake(const std::string& text, const std::vector<AxisSize>& sizes = {}) {
  try {
    check_sizes(parsed(text), sizes);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    return error.what();
  }
}

std::int64_t product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// The coordinates of element `index` of a shape.
Shape unravel(std::int64_t index, const Shape& shape) {
  Shape at(shape.size());
  for (std::size_t i = shape.size(); i-- > 0; index /= shape[i]) at[i] = index % shape[i];
  return at;
}

// The places in the original of the elements of the result.
std::vector<std::int64_t> places(const Arrangement& steps) {
  const std::vector<std::int64_t> strides = row_major_strides(steps.split);
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < product(steps.repeated); ++i) {
    const Shape at = unravel(i, steps.repeated);
    std::int64_t of_spaced = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      of_spaced = of_spaced * steps.spaced[axis] + (steps.spaced[axis] == 1 ? 0 : at[axis]);
    Shape permuted;
    for (const int axis : steps.order) permuted.push_back(steps.split[static_cast<std::size_t>(axis)]);
    const Shape of_permuted = unravel(of_spaced, permuted);
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < of_permuted.size(); ++axis)
      place += of_permuted[axis] * strides[static_cast<std::size_t>(steps.order[axis])];
    result.push_back(place);
  }
  return result;
}

struct RandomPattern {
  explicit RandomPattern(std::mt19937& random) : random_(random) {
    std::vector<std::string> names;
    for (int i = below(5); i >= 0; --i) add(std::string(1, static_cast<char>('a' + i)), names);
    left_names = names;
    std::ranges::shuffle(names, random_);
    std::vector<std::string> right_names_with_new = names;
    for (int i = below(3); i > 0; --i) {
      const std::string name = "new" + std::to_string(i);
      right_names_with_new.insert(right_names_with_new.begin() + below(static_cast<int>(names.size()) + 1), name);
      size_of[name] = 1 + below(3);
      sizes.push_back({name, size_of[name]});
    }
    right_names = right_names_with_new;
    left = side(left_names, true, shape);
    right = side(right_names, false, joined);
  }

  void add(const std::string& name, std::vector<std::string>& names) {
    names.push_back(name);
    size_of[name] = 1 + below(4);
  }
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  // Some names in a row in parentheses, ones between them.
  std::string side(const std::vector<std::string>& names, bool infers, Shape& into) {
    std::string text;
    for (std::size_t i = 0; i < names.size();) {
      if (below(5) == 0) {
        text += below(2) == 0 ? "1 " : "( ) ";
        into.push_back(1);
      }
      const std::size_t count = std::min<std::size_t>(names.size() - i, 1 + static_cast<std::size_t>(below(3)));
      const bool grouped = count > 1 || below(3) == 0;
      const std::size_t inferred = static_cast<std::size_t>(below(static_cast<int>(count)));
      std::int64_t size = 1;
      text += grouped ? "(" : "";
      for (std::size_t k = 0; k < count; ++k) {
        const std::string& name = names[i + k];
        text += (k > 0 ? " " : "") + name;
        size *= size_of[name];
        if (infers && k != inferred) sizes.push_back({name, size_of[name]});
      }
      text += grouped ? ") " : " ";
      into.push_back(size);
      i += count;
    }
    return text;
  }

  // By names alone: where each axis stands in the result, and where that is in the original.
  std::vector<std::int64_t> expected() {
    Shape of_right, of_left;
    for (const std::string& name : right_names) of_right.push_back(size_of[name]);
    for (const std::string& name : left_names) of_left.push_back(size_of[name]);
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < product(of_right); ++i) {
      const Shape at = unravel(i, of_right);
      std::int64_t place = 0;
      for (std::size_t axis = 0; axis < left_names.size(); ++axis) {
        const auto found = std::ranges::find(right_names, left_names[axis]) - right_names.begin();
        place = place * of_left[axis] + at[static_cast<std::size_t>(found)];
      }
      result.push_back(place);
    }
    return result;
  }

  std::mt19937& random_;
  std::map<std::string, std::int64_t> size_of;
  std::vector<std::string> left_names, right_names;
  std::vector<AxisSize> sizes;
  std::string left, right;
  Shape shape, joined;
};

TEST(AxisPattern, RandomOnesPutEveryElementInItsPlace) {
  std::mt19937 random(17);
  for (int i = 0; i < 2000; ++i) {
    RandomPattern one(random);
    const std::string text = one.left + "->" + one.right;
    SCOPED_TRACE(text);
    const AxisPattern pattern = parsed(text);
    check_sizes(pattern, one.sizes);
    const Arrangement steps = arrange(pattern, one.sizes, one.shape);
    ASSERT_EQ(steps.joined, one.joined);
    ASSERT_EQ(places(steps), one.expected());
  }
}

TEST(AxisPattern, AnEllipsisIsAnyNumberOfDimensions) {
  const AxisPattern first = parsed("... x -> x ...");
  EXPECT_EQ(arrange(first, {}, {5}).joined, (Shape{5}));
  EXPECT_EQ(arrange(first, {}, {2, 3, 5}).joined, (Shape{5, 2, 3}));
  EXPECT_EQ(arrange(first, {}, {2, 3, 5}).order, (std::vector<int>{2, 0, 1}));
  const AxisPattern joined = parsed("a ... -> (... a)");
  EXPECT_EQ(arrange(joined, {}, {2, 3, 5}).joined, (Shape{30}));
  EXPECT_EQ(arrange(joined, {}, {2}).joined, (Shape{2}));
}

TEST(AxisPattern, TensorsWithoutElementsAreArrangedToo) {
  const AxisPattern pattern = parsed("(h d) x -> h x d");
  EXPECT_EQ(arrange(pattern, {{"h", 4}}, {0, 3}).joined, (Shape{4, 3, 0}));
}

TEST(AxisPattern, MistakesAreSaid) {
  EXPECT_EQ(mistake("a b -> b a"), "");
  EXPECT_NE(mistake(""), "");
  EXPECT_NE(mistake("->->"), "");
  EXPECT_NE(mistake("(a) -> )a("), "");
  EXPECT_NE(mistake("... a ... -> a ..."), "");
  EXPECT_NE(mistake("a -> (a"), "");
  EXPECT_NE(mistake("a.. -> a.."), "");
  EXPECT_NE(mistake("(a b) -> a b"), "");
  EXPECT_EQ(mistake("(a b) -> a b", {{"a", 2}}), "");
  EXPECT_NE(mistake("a -> a b"), "");
  EXPECT_EQ(mistake("a -> a b", {{"b", 2}}), "");
  EXPECT_NE(mistake("a -> a", {{"b", 2}}), "");
  EXPECT_NE(mistake("a -> a", {{"a", -1}}), "");
}

TEST(AxisPattern, SizesThatOverflowAreRefused) {
  const std::int64_t large = std::int64_t{1} << 40;
  const AxisPattern pattern = parsed("a -> (a b c)");
  EXPECT_THROW(static_cast<void>(arrange(pattern, {{"b", large}, {"c", large}}, {2})), Error);
}

// No text crashes the parser.
TEST(AxisPattern, RandomTextIsReadOrRefused) {
  std::mt19937 random(5);
  const std::string letters = "ab1 ().->\xc3\xa9";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += letters[random() % letters.size()];
    static_cast<void>(mistake(text));
  }
}

}  // namespace
}  // namespace brainsurgery
