// The one dtype table. Names and order: format notes on safetensors, section 1.2; plan spellings: language, section 5.
#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "brainsurgery/error.h"
#include "brainsurgery/types.h"

namespace brainsurgery {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 1> kBFloat16{"bf16"};
constexpr std::array<std::string_view, 2> kFloat16{"half", "fp16"};
constexpr std::array<std::string_view, 2> kFloat32{"float", "fp32"};
constexpr std::array<std::string_view, 2> kFloat64{"double", "fp64"};
constexpr std::array<std::string_view, 1> kInt16{"short"};
constexpr std::array<std::string_view, 1> kInt32{"int"};
constexpr std::array<std::string_view, 1> kInt64{"long"};

template <typename T>
constexpr double kMax = static_cast<double>(std::numeric_limits<T>::max());

constexpr auto kBool = DTypeClass::boolean;
constexpr auto kSigned = DTypeClass::signed_integer;
constexpr auto kUnsigned = DTypeClass::unsigned_integer;
constexpr auto kFloat = DTypeClass::floating;
constexpr auto kComplex = DTypeClass::complex;

// dtype, safetensors, torch, aliases, bits, kind, computes, largest finite value.
constexpr std::array<DTypeInfo, 24> kTable{{
    {DType::BOOL, "BOOL", "bool", {}, 8, kBool, true, 1},
    {DType::F4, "F4", "float4_e2m1fn_x2", {}, 4, kFloat, false, 6},
    {DType::F6_E2M3, "F6_E2M3", "", {}, 6, kFloat, false, 7.5},
    {DType::F6_E3M2, "F6_E3M2", "", {}, 6, kFloat, false, 28},
    {DType::U8, "U8", "uint8", {}, 8, kUnsigned, true, kMax<std::uint8_t>},
    {DType::I8, "I8", "int8", {}, 8, kSigned, true, kMax<std::int8_t>},
    {DType::F8_E5M2, "F8_E5M2", "float8_e5m2", {}, 8, kFloat, true, 57344},
    {DType::F8_E4M3, "F8_E4M3", "float8_e4m3fn", {}, 8, kFloat, true, 448},
    {DType::F8_E8M0, "F8_E8M0", "float8_e8m0fnu", {}, 8, kFloat, true, 0x1p127},
    {DType::F8_E4M3FNUZ, "F8_E4M3FNUZ", "float8_e4m3fnuz", {}, 8, kFloat, true, 240},
    {DType::F8_E5M2FNUZ, "F8_E5M2FNUZ", "float8_e5m2fnuz", {}, 8, kFloat, true, 57344},
    {DType::I16, "I16", "int16", kInt16, 16, kSigned, true, kMax<std::int16_t>},
    {DType::U16, "U16", "uint16", {}, 16, kUnsigned, true, kMax<std::uint16_t>},
    {DType::F16, "F16", "float16", kFloat16, 16, kFloat, true, 65504},
    {DType::BF16, "BF16", "bfloat16", kBFloat16, 16, kFloat, true, 0x1.FEp127},
    {DType::I32, "I32", "int32", kInt32, 32, kSigned, true, kMax<std::int32_t>},
    {DType::U32, "U32", "uint32", {}, 32, kUnsigned, true, kMax<std::uint32_t>},
    {DType::F32, "F32", "float32", kFloat32, 32, kFloat, true, kMax<float>},
    {DType::C64, "C64", "complex64", {}, 64, kComplex, false, 0},
    {DType::F64, "F64", "float64", kFloat64, 64, kFloat, true, kMax<double>},
    {DType::I64, "I64", "int64", kInt64, 64, kSigned, true, kMax<std::int64_t>},
    {DType::U64, "U64", "uint64", {}, 64, kUnsigned, true, kMax<std::uint64_t>},
    {DType::C32, "complex32", "complex32", {}, 32, kComplex, false, 0},
    {DType::C128, "complex128", "complex128", {}, 128, kComplex, false, 0},
}};

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].dtype) != i) return false;
  }
  return true;
}
static_assert(in_enum_order(), "info() indexes the table by dtype");

}  // namespace

std::span<const DTypeInfo> all_dtypes() { return kTable; }

const DTypeInfo& info(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  BS_CHECK(index < kTable.size());
  return kTable[index];
}

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  const auto row = std::find_if(kTable.begin(), kTable.end(),
                                [&](const DTypeInfo& r) { return r.name == name && in_safetensors(r.dtype); });
  return row == kTable.end() ? std::nullopt : std::optional(row->dtype);
}

std::optional<DType> dtype_from_torch(std::string_view name) {
  const auto row = std::find_if(kTable.begin(), kTable.end(),
                                [&](const DTypeInfo& r) { return !name.empty() && r.torch_name == name; });
  return row == kTable.end() ? std::nullopt : std::optional(row->dtype);
}

std::optional<DType> dtype_from_plan(std::string_view name) {
  const std::string word = ascii_lower(trim(name));
  for (const DTypeInfo& row : kTable) {
    // What has no arithmetic cannot be converted to either.
    if (!row.computes) continue;
    if (row.torch_name == word) return row.dtype;
    if (std::find(row.aliases.begin(), row.aliases.end(), word) != row.aliases.end()) return row.dtype;
  }
  return std::nullopt;
}

std::string to_string(DType dtype) {
  const DTypeInfo& row = info(dtype);
  return std::string(row.torch_name.empty() ? row.name : row.torch_name);
}

}  // namespace brainsurgery
