#include "describe/tensor_text.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "describe/diff_text.h"

namespace brainsurgery {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

template <typename T>
std::string values(ValueSyntax syntax, DType dtype, const Shape& shape, const std::vector<T>& elements) {
  return values_text(syntax, dtype, shape, std::as_bytes(std::span(elements)));
}

// Expectations recorded from the Python program unless said otherwise.
TEST(TensorText, ValuesAreWrittenAsPythonDoes) {
  const std::vector<double> floats{static_cast<double>(0.1F), -0.0, kNan, kInf, -kInf, 1e16};
  EXPECT_EQ(values(ValueSyntax::python, DType::F64, {2, 3}, floats),
            "[[0.10000000149011612, -0.0, nan], [inf, -inf, 1e+16]]");
  EXPECT_EQ(values(ValueSyntax::json, DType::F64, {2, 3}, floats),
            "[[0.10000000149011612,-0.0,NaN],[Infinity,-Infinity,1e+16]]");
  EXPECT_EQ(values(ValueSyntax::python, DType::F64, {}, std::vector<double>{3.5}), "3.5");
  EXPECT_EQ(values(ValueSyntax::python, DType::I64, {3}, std::vector<std::int64_t>{4611686018427387905, -3, 5}),
            "[4611686018427387905, -3, 5]");
  EXPECT_EQ(values(ValueSyntax::json, DType::U64, {1, 1}, std::vector<std::uint64_t>{18446744073709551615U}),
            "[[18446744073709551615]]");
  const std::vector<std::uint8_t> bools{1, 0};
  EXPECT_EQ(values(ValueSyntax::python, DType::BOOL, {2}, bools), "[True, False]");
  EXPECT_EQ(values(ValueSyntax::json, DType::BOOL, {2, 1}, bools), "[[true],[false]]");
}

TEST(TensorText, TensorsWithoutElements) {
  const auto empty = [](const Shape& shape) {
    return values(ValueSyntax::python, DType::F64, shape, std::vector<double>{});
  };
  EXPECT_EQ(empty({0, 3}), "[]");
  EXPECT_EQ(empty({2, 0}), "[[], []]");
  EXPECT_EQ(empty({2, 0, 3}), "[[], []]");
  EXPECT_EQ(empty({1, 2, 0}), "[[[], []]]");
  EXPECT_EQ(empty({std::int64_t{1} << 40, 0}), "[]");  // here Python would write a terabyte
}

TEST(TensorText, ATensorMayHaveManyDimensions) {
  const Shape shape(20'000, 1);
  const std::string text = values(ValueSyntax::json, DType::F64, shape, std::vector<double>{1});
  EXPECT_EQ(text, std::string(20'000, '[') + "1.0" + std::string(20'000, ']'));
}

TEST(TensorText, EveryVerbosity) {
  DumpedTensor tensor{"x", {DType::BF16, {2, 3}}, Verbosity::shape, {}, "", {2, 1}};
  EXPECT_EQ(tensor_text(tensor), "shape=[2, 3]");
  tensor.verbosity = Verbosity::stat;
  EXPECT_EQ(tensor_text(tensor), "shape=[2, 3] min=None max=None mean=None reads=2 writes=1");
  tensor.statistics = TensorStatistics{-0.0, 4611686018427387905.0, -kNan};
  EXPECT_EQ(tensor_text(tensor), "shape=[2, 3] min=-0 max=4.61169e+18 mean=nan reads=2 writes=1");
  EXPECT_EQ(tensor_json(tensor), (JsonMembers{{"max", "4.611686018427388e+18"},
                                              {"mean", "NaN"},
                                              {"min", "-0.0"},
                                              {"reads", "2"},
                                              {"shape", "[2,3]"},
                                              {"writes", "1"}}));
  tensor.verbosity = Verbosity::full;
  tensor.values = "[1.0]";
  EXPECT_EQ(tensor_text(tensor), "shape=[2, 3] dtype=torch.bfloat16 device=cpu values=[1.0] reads=2 writes=1");
  EXPECT_EQ(tensor_json(tensor), (JsonMembers{{"device", "\"cpu\""},
                                              {"dtype", "\"torch.bfloat16\""},
                                              {"reads", "2"},
                                              {"shape", "[2,3]"},
                                              {"values", "[1.0]"},
                                              {"writes", "1"}}));
}

TEST(TensorText, EveryDtypeThatComputesHasValues) {
  for (const DTypeInfo& row : all_dtypes()) {
    EXPECT_EQ(text_dtype(row.dtype).has_value(), row.computes) << row.name;
    EXPECT_FALSE(report_dtype(row.dtype).empty());
  }
  EXPECT_EQ(report_dtype(DType::F6_E2M3), "F6_E2M3");
}

TEST(DiffText, Sections) {
  DiffReport report{"a::.*", "b::.*", {"new"}, {"i"}, {}};
  report.differing.push_back({"i32", dtype_difference(DType::I32, DType::I64)});
  report.differing.push_back({"m", shape_difference({3, 4}, {12})});
  report.differing.push_back({"s", shape_difference({}, {1})});
  report.differing.push_back({"v", values_difference(Distance{3, 0.1})});
  report.differing.push_back({"w", values_difference(std::nullopt)});
  EXPECT_EQ(diff_lines(report),
            (std::vector<std::string>{
                "Diff: a::.* <-> b::.*", "Missing on left:", "  - new", "Missing on right:", "  - i",
                "Differing:", "  - i32: dtype torch.int32 != torch.int64", "  - m: shape (3, 4) != (12,)",
                "  - s: shape () != (1,)", "  - v: values differ (max_abs_diff=3, eps=0.1)", "  - w: values differ"}));
  EXPECT_EQ(diff_lines({"a::x", "a::x", {}, {}, {}}),
            (std::vector<std::string>{"Diff: a::x <-> a::x", "Missing on left:", "  (none)", "Missing on right:",
                                      "  (none)", "Differing:", "  (none)", "No differences found."}));
}

}  // namespace
}  // namespace brainsurgery
