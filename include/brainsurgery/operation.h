// Elementwise operations as data: a row has everything that somebody needs to know of an operation, and the loop that
// performs it. Graph, planner, executor, printers and documentation look the row up; none of them knows one by name.
//
//   const Operation& add = operation("add");
//   Expr sum = map(add, {a, b});                                // brainsurgery/expr.h
//   Expr half = map(operation("scale"), {a}, {.numbers = {0.5}});
//
// An operation from outside of the library is an object of this type with static storage duration.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/types.h"

namespace brainsurgery {

inline constexpr std::size_t kMaxOperands = 3;
inline constexpr std::size_t kMaxParameters = 3;

// The values that a lookup chooses from.
struct LookupTable {
  DType dtype = DType::F32;
  std::vector<std::byte> elements;  // packed

  friend bool operator==(const LookupTable&, const LookupTable&) = default;
};

// The arguments of one use of an operation that are no tensors.
struct Parameters {
  std::array<std::optional<double>, kMaxParameters> numbers = {};  // in the order of Operation::parameters
  std::optional<DType> dtype = {};                                // of the result, for operations that convert
  std::shared_ptr<const LookupTable> table = {};                  // for operations that look values up

  friend bool operator==(const Parameters& a, const Parameters& b) {
    const bool same_table = a.table == b.table || (a.table && b.table && *a.table == *b.table);
    return a.numbers == b.numbers && a.dtype == b.dtype && same_table;
  }
};

struct Operation {
  // A range of elements: packed, little-endian, aligned to their size.
  struct Call {
    std::span<const void* const> operands;
    std::span<const DType> operand_dtypes;
    const Parameters& parameters;
    DType dtype;  // of the result
    void* out;    // may be the first operand's memory if both dtypes have one size; never a part of it
    std::int64_t n;
  };

  std::string_view name;
  std::string_view meaning;  // one line, with a, b, c for the operands
  std::size_t operands;      // 1 to kMaxOperands; all are brought to one shape
  std::array<std::string_view, kMaxParameters> parameters;  // names of the numbers; empty: no more

  // The dtype of the result. Throws Error(plan) where the operation is not defined for these dtypes and parameters.
  DType (*result)(const Operation& operation, std::span<const DType> operands, const Parameters& parameters);
  // Every element of the result depends on the elements at its place alone. May be called from several threads. Throws
  // Error(run) where the values do not allow the operation.
  void (*run)(const Call& call);

  // The operands that `result` takes, for those who choose dtypes. Of integers every operation but those of floats
  // makes integers or bool.
  enum class Domain : std::uint8_t {
    numbers,     // integers and floats
    floats,
    integers,
    conditions,  // bool
    choice,      // bool, then numbers
  };
  Domain domain = Domain::numbers;
  bool takes_table = false;  // Parameters::table is given
  // Whether converting all operands to a wider floating dtype before gives what converting the result behind gives, or
  // the same truth values.
  bool ignores_width = false;
  // The operand by which is divided, -1: none. Where one of its integers is 0, `run` throws.
  int divisor = -1;
};

// The rows of the library, in the order of its documentation. A program that links the library may use all of them;
// steps use some.
[[nodiscard]] std::span<const Operation> operations();
// nullptr: there is none of this name.
[[nodiscard]] const Operation* find_operation(std::string_view name);
// A row that exists.
[[nodiscard]] const Operation& operation(std::string_view name);

// "scale by 0.5", "clamp min 0": the name, and the numbers that are given.
[[nodiscard]] std::string describe(const Operation& operation, const Parameters& parameters);

// An operation with its arguments, from one operand.
struct OperationUse {
  const Operation* operation;
  Parameters parameters;
  DType operand, result;
};
// `first` and then `second` as one operation, with the same results; nullopt: there is none that does both.
[[nodiscard]] std::optional<OperationUse> merged(const OperationUse& first, const OperationUse& second);

}  // namespace brainsurgery
