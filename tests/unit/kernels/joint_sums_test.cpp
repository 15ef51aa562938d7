#include "kernels/joint_sums.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "kernels/element.h"

namespace brainsurgery::kernels {
namespace {

struct Asked {
  const Reducer* row;
  ReducerParameters parameters;
};

// Elements of any magnitude, in packed rows; no NaN, whose sums have no bits to compare.
std::vector<std::byte> elements_of(DType dtype, std::int64_t count) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count * item_size(dtype)));
  std::mt19937 engine(7);
  std::normal_distribution<double> normal(0.5, 3);
  visit_codec(dtype, [&](auto codec) {
    using Codec = decltype(codec);
    auto* to = reinterpret_cast<typename Codec::Storage*>(bytes.data());
    for (std::int64_t i = 0; i < count; ++i)
      to[i] = Codec::encode(static_cast<typename Codec::Compute>(normal(engine)));
  });
  return bytes;
}

class JointSums {
 public:
  JointSums(DType dtype, std::vector<Asked> asked, const Reducer::Range& range)
      : dtypes_{dtype}, asked_(std::move(asked)), range_(range) {}

  [[nodiscard]] std::vector<std::vector<double>> alone() const {
    auto states = started();
    for (std::size_t i = 0; i < asked_.size(); ++i) asked_[i].row->add(use(i), range_, view(states[i]));
    return states;
  }
  [[nodiscard]] std::vector<std::vector<double>> together() const {
    auto states = started();
    std::vector<JointPart> parts;
    for (std::size_t i = 0; i < asked_.size(); ++i) parts.push_back({asked_[i].row, use(i), view(states[i])});
    add_jointly(parts, range_);
    return states;
  }

 private:
  [[nodiscard]] Reducer::Use use(std::size_t i) const {
    return {dtypes_, asked_[i].parameters, DType::F32, range_.count};
  }
  [[nodiscard]] std::int64_t numbers() const { return range_.outer * range_.inner; }
  [[nodiscard]] Reducer::States view(std::vector<double>& state) const {
    return {reinterpret_cast<std::byte*>(state.data()), numbers(), numbers()};
  }
  [[nodiscard]] std::vector<std::vector<double>> started() const {
    std::vector<std::vector<double>> states;
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      states.emplace_back(static_cast<std::size_t>(numbers() * asked_[i].row->words(use(i))));
      asked_[i].row->start(use(i), view(states.back()));
    }
    return states;
  }

  std::vector<DType> dtypes_;
  std::vector<Asked> asked_;
  Reducer::Range range_;
};

ReducerParameters first_parameter(double value) {
  ReducerParameters parameters;
  parameters.numbers[0] = value;
  return parameters;
}

TEST(JointSums, HaveTheBitsOfEachAlone) {
  const Asked mean{&reducer("mean"), {}}, squares{&reducer("norm"), first_parameter(2)},
      spread{&reducer("std"), first_parameter(1)};
  const std::vector<std::vector<Asked>> askings{
      {mean, squares}, {spread, mean}, {squares, spread}, {squares, mean, spread}};
  for (const DType dtype : {DType::BF16, DType::F16, DType::F32, DType::F64, DType::F8_E4M3}) {
    for (const std::int64_t count : {1, 15, 16, 100, 513, 5000}) {
      for (const std::int64_t inner : {1, 2}) {
        const std::int64_t outer = 3;
        const std::vector<std::byte> elements = elements_of(dtype, outer * count * inner);
        const void* const operand = elements.data();
        for (const std::vector<Asked>& asked : askings) {
          const JointSums sums(dtype, asked, {{&operand, 1}, outer, count, inner, 0});
          EXPECT_EQ(sums.together(), sums.alone()) << to_string(dtype) << " " << count << " " << inner;
        }
      }
    }
  }
}

TEST(JointSums, AreSumsOfFloatsAlone) {
  const ReducerParameters none, first = first_parameter(1), second = first_parameter(2);
  const std::vector<DType> floats{DType::BF16}, integers{DType::I8};
  const auto kind = [](std::string_view name, const std::vector<DType>& operands, const ReducerParameters& parameters) {
    return joint_sum(reducer(name), {operands, parameters, DType::F32, 1});
  };
  EXPECT_EQ(kind("sum", floats, none), JointSum::sum);
  EXPECT_EQ(kind("var", floats, first), JointSum::spread);
  EXPECT_EQ(kind("norm", floats, second), JointSum::squares);
  EXPECT_EQ(kind("norm", floats, first), std::nullopt);
  EXPECT_EQ(kind("prod", floats, none), std::nullopt);
  EXPECT_EQ(kind("sum", integers, none), std::nullopt);
}

}  // namespace
}  // namespace brainsurgery::kernels
