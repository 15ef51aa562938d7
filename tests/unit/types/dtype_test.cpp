#include <gtest/gtest.h>

#include <set>

#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {
namespace {

TEST(DTypes, TableIsInOrderAndNamesAreUnique) {
  std::set<std::string_view> names, plan_names;
  int index = 0;
  for (const DTypeInfo& row : all_dtypes()) {
    EXPECT_EQ(static_cast<int>(row.dtype), index++);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(dtype_from_safetensors(row.name), in_safetensors(row.dtype) ? std::optional(row.dtype) : std::nullopt);
    if (!row.torch_name.empty()) {
      EXPECT_TRUE(plan_names.insert(row.torch_name).second) << row.torch_name;
      EXPECT_EQ(dtype_from_torch(row.torch_name), row.dtype);
    }
    for (const std::string_view alias : row.aliases) EXPECT_TRUE(plan_names.insert(alias).second) << alias;
  }
  EXPECT_EQ(index, 24);
  EXPECT_FALSE(in_safetensors(DType::C32) || in_safetensors(DType::C128));
  EXPECT_EQ(dtype_from_safetensors("bf16"), std::nullopt);
}

TEST(DTypes, PlanSpellings) {
  const std::vector<std::pair<std::string, DType>> table{{"float16", DType::F16},
                                                         {"half", DType::F16},
                                                         {"fp16", DType::F16},
                                                         {"bfloat16", DType::BF16},
                                                         {"bf16", DType::BF16},
                                                         {"float32", DType::F32},
                                                         {"float", DType::F32},
                                                         {"fp32", DType::F32},
                                                         {"float64", DType::F64},
                                                         {"double", DType::F64},
                                                         {"fp64", DType::F64},
                                                         {"uint8", DType::U8},
                                                         {"int8", DType::I8},
                                                         {"int16", DType::I16},
                                                         {"short", DType::I16},
                                                         {"int32", DType::I32},
                                                         {"int", DType::I32},
                                                         {"int64", DType::I64},
                                                         {"long", DType::I64},
                                                         {"bool", DType::BOOL},
                                                         {"uint16", DType::U16},
                                                         {"uint64", DType::U64},
                                                         {" BFloat16 ", DType::BF16},
                                                         {"float8_e4m3fn", DType::F8_E4M3},
                                                         {"float8_e8m0fnu", DType::F8_E8M0}};
  for (const auto& [name, dtype] : table) EXPECT_EQ(dtype_from_plan(name), dtype) << name;
  for (const char* name : {"", "complex64", "float4_e2m1fn_x2", "F4", "F6_E2M3", "BF-16", "torch.float32"}) {
    EXPECT_EQ(dtype_from_plan(name), std::nullopt) << name;
  }
}

TEST(DTypes, ToStringPrefersTorch) {
  EXPECT_EQ(to_string(DType::BF16), "bfloat16");
  EXPECT_EQ(to_string(DType::F6_E2M3), "F6_E2M3");
}

TEST(Shapes, Counts) {
  EXPECT_EQ(to_string(Shape{2, 3}), "[2, 3]");
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 0, std::numeric_limits<std::int64_t>::max(), 9}), 0);
  EXPECT_EQ(byte_count(DType::BF16, {2, 3}), 12);
  EXPECT_EQ(byte_count(DType::F4, {2, 3}), 3);
  EXPECT_EQ(byte_count(DType::F6_E2M3, {4}), 3);
  EXPECT_THROW((void)byte_count(DType::F4, {3}), Error);
  EXPECT_THROW((void)element_count({1LL << 32, 1LL << 32}), Error);
  EXPECT_THROW((void)byte_count(DType::F64, {1LL << 61}), Error);
  EXPECT_EQ(item_size(DType::C64), 8);
  EXPECT_THROW((void)item_size(DType::F4), Error);
  EXPECT_EQ(row_major_strides({2, 3, 4}), (std::vector<std::int64_t>{12, 4, 1}));
  EXPECT_TRUE(row_major_strides({}).empty());
}

}  // namespace
}  // namespace brainsurgery
