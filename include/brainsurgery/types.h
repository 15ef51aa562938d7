// What a tensor is before it has values: element type, shape, and the part of it that a slice selects.
//
//   Shape shape{2, 3};
//   Region part = select(parse_slice("[:, 1]"), shape);   // rows 0..1 of column 1, shape [2]
//
// Shapes and dtypes are values: copy, compare and print them. Everything here is thread-compatible and does no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

// Element types, in the order in which the safetensors library (0.8) ranks alignment; a file lists higher ones first.
// Source: formats "safetensors", dtype enumeration of the reference implementation. The last two are PyTorch's only.
enum class DType : std::uint8_t {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
  C32,
  C128,
};

enum class DTypeClass : std::uint8_t { boolean, signed_integer, unsigned_integer, floating, complex };

// One row of the only dtype table of the program.
struct DTypeInfo {
  DType dtype;
  std::string_view name;                      // safetensors spelling, "BF16"; PyTorch's where it has none
  std::string_view torch_name;                // "bfloat16"; empty where PyTorch has no such type
  std::span<const std::string_view> aliases;  // further spellings accepted in plans, "bf16"
  int bits;                                   // per element; 4 and 6 occur
  DTypeClass kind;
  bool computes;      // has arithmetic; the others can be renamed, copied, joined and written only
  double max_finite;  // largest finite value; 0 for complex
};

[[nodiscard]] std::span<const DTypeInfo> all_dtypes();
[[nodiscard]] const DTypeInfo& info(DType dtype);
// Whether a safetensors file can hold the type.
[[nodiscard]] inline bool in_safetensors(DType dtype) { return dtype <= DType::U64; }
[[nodiscard]] std::optional<DType> dtype_from_safetensors(std::string_view name);
// PyTorch's spelling, "float16"; nullopt also for its types that the program does not have.
[[nodiscard]] std::optional<DType> dtype_from_torch(std::string_view name);
// A plan's spelling: trimmed, case-insensitive, PyTorch names and their aliases.
[[nodiscard]] std::optional<DType> dtype_from_plan(std::string_view name);
// The spelling that messages and plans use: the PyTorch name, else the safetensors name.
[[nodiscard]] std::string to_string(DType dtype);
[[nodiscard]] inline bool is_floating(DType dtype) { return info(dtype).kind == DTypeClass::floating; }
[[nodiscard]] inline bool is_integer(DType dtype) {
  return info(dtype).kind == DTypeClass::signed_integer || info(dtype).kind == DTypeClass::unsigned_integer;
}

// Sizes of the dimensions, outermost first, each >= 0; empty for a scalar.
using Shape = std::vector<std::int64_t>;

[[nodiscard]] std::string to_string(const Shape& shape);  // "[2, 3]"
// Number of elements. Throws Error(run) where the product does not fit int64.
[[nodiscard]] std::int64_t element_count(const Shape& shape);
// Bytes of a packed tensor. Throws Error(run) on overflow or when the bits do not fill whole bytes.
[[nodiscard]] std::int64_t byte_count(DType dtype, const Shape& shape);
// Bytes of one element. Must not be called for types below 8 bits.
[[nodiscard]] std::int64_t item_size(DType dtype);
// Row-major strides in elements.
[[nodiscard]] std::vector<std::int64_t> row_major_strides(const Shape& shape);
// Whether elements that stand `strides` apart are packed and in row-major order.
[[nodiscard]] bool is_packed(const Shape& shape, const std::vector<std::int64_t>& strides);
// The elements from the first to the last one, both included; 0 without elements. Strides >= 0. Throws Error(run) where
// that does not fit int64.
[[nodiscard]] std::int64_t strided_extent(const Shape& shape, const std::vector<std::int64_t>& strides);

struct TensorDesc {
  DType dtype = DType::F32;
  Shape shape;

  friend bool operator==(const TensorDesc&, const TensorDesc&) = default;
};

// One component of a slice as written.
struct SliceItem {
  enum class Kind : std::uint8_t { index, range, ellipsis };
  Kind kind = Kind::range;
  std::int64_t index = 0;  // Kind::index
  std::optional<std::int64_t> start, stop;
  std::int64_t step = 1;

  friend bool operator==(const SliceItem&, const SliceItem&) = default;
};

// "[1:3, -1]": Python's basic slicing without negative steps and without None. `[]` selects everything.
struct Slice {
  std::vector<SliceItem> items;
  std::string text;  // as written, brackets included

  friend bool operator==(const Slice& a, const Slice& b) { return a.items == b.items; }
};

// Throws Error(plan) naming the offending component.
[[nodiscard]] Slice parse_slice(std::string_view text);

// The part of a tensor that a slice selects: per dimension of the tensor where it starts, how many and how far apart.
struct Region {
  struct Axis {
    std::int64_t start = 0;
    std::int64_t count = 0;
    std::int64_t step = 1;
    bool dropped = false;  // an index: the dimension is absent from the result

    friend bool operator==(const Axis&, const Axis&) = default;
  };
  std::vector<Axis> axes;

  [[nodiscard]] Shape shape() const;  // of the selected part
  [[nodiscard]] bool is_whole(const Shape& of) const;

  friend bool operator==(const Region&, const Region&) = default;
};

// Applies PyTorch's basic indexing rules. Throws Error(plan): too many components, index out of range.
[[nodiscard]] Region select(const Slice& slice, const Shape& shape);
// The first dimension of a shape that fits where select() cuts a range off because it goes beyond the size.
[[nodiscard]] std::optional<std::size_t> clipped_dimension(const Slice& slice, const Shape& shape);

}  // namespace brainsurgery
