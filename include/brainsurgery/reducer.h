// Reductions as data: a row has everything that somebody needs to know of a reducer, and the loops that perform it.
// Graph, planner, executor, printers and documentation look the row up; none of them knows one by name.
//
//   const Reducer& mean = reducer("mean");
//   Expr of_rows = reduce(mean, {w}, {1}, true);                       // brainsurgery/expr.h
//   Expr norm = reduce(reducer("norm"), {w}, {}, false, {.numbers = {1.0}});
//
// A reducer makes one number of many: of all elements of a tensor, or of those along some of its axes. It works on
// states: one is begun, ranges of elements are added to it, states of neighbouring ranges are merged, and the result is
// made of the last one. Which ranges these are depends on the shape of the tensor alone, and so does the result.
//
// A reducer from outside of the library is an object of this type with static storage duration.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "brainsurgery/operation.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

// The arguments of one use of a reducer that are no tensors, in the order of Reducer::parameters.
struct ReducerParameters {
  std::array<std::optional<double>, kMaxParameters> numbers = {};

  friend bool operator==(const ReducerParameters&, const ReducerParameters&) = default;
};

struct Reducer {
  struct Parameter {
    std::string_view name;                  // empty: no more
    std::optional<double> otherwise = {};  // where it is not given; nullopt: it must be
  };
  // One use.
  struct Use {
    // Their dtypes. If the row reads narrow ones, floating operands that were converted to a wider dtype may come as they
    // were before; `dtype` is the one that `result` made of the wider one.
    std::span<const DType> operands;
    const ReducerParameters& parameters;
    DType dtype;         // of the result
    std::int64_t count;  // how many elements make one number
  };
  // Some elements of each operand: a packed box [outer, count, inner], aligned to its elements, of which dimension 1
  // makes one number.
  struct Range {
    std::span<const void* const> operands;
    std::int64_t outer, count, inner;
    std::int64_t first;  // the place of the first element among those that make the number
  };
  // States of neighbouring numbers. A state is some words of 8 bytes; word w of state i is at data + 8 * (w * stride +
  // i). Who has them gives them room and no value.
  struct States {
    std::byte* data;
    std::int64_t stride;  // in words
    std::int64_t count;
  };

  // Of reducers that go through their elements several times.
  struct Passes {
    int (*count)(const Use& use) = nullptr;  // nullptr: once
    // The first words of a state: what is known from the passes before, the same for all ranges of a number.
    std::int64_t kept = 0;
    // After a pass but the last one: finds them out from merged states.
    void (*next)(const Use& use, const States& states) = nullptr;
  };

  std::string_view name;
  std::string_view meaning;  // one line, with a, b for the operands
  std::size_t operands;      // 1 or 2, all of one shape
  std::array<Parameter, kMaxParameters> parameters;
  bool reduces_nothing;  // whether no elements make a number, too
  // Of large states, and results that depend neither on the cut nor on the order of ranges: ranges are rows (inner = 1),
  // up to kWholeRow elements that make one number are one range, and states may be merged in any order.
  bool by_rows;
  static constexpr std::int64_t kWholeRow = 1 << 16;

  // The dtype of the result. Throws Error(plan) where the reducer is not defined for these dtypes and parameters, or
  // for so many elements.
  DType (*result)(const Reducer& reducer, const Use& use);
  // How many numbers there are where one is spoken of, in a further dimension; nullptr: one, and no dimension.
  std::int64_t (*numbers)(const ReducerParameters& parameters);
  // How many words a state has.
  std::int64_t (*words)(const Use& use);
  // All of these may be called from several threads, for states of their own.
  void (*start)(const Use& use, const States& states);
  // `states`: range.outer * range.inner of them, in row-major order.
  void (*add)(const Use& use, const Range& range, const States& states);
  // Into states of elements that stand before those of `from`.
  void (*merge)(const Use& use, const States& into, const States& from);
  // Writes states.count elements.
  void (*finish)(const Use& use, const States& states, void* out);
  // Whether the result does not depend on how elements are cut into ranges, and states may be merged in any order.
  bool any_order;
  // Whether no further elements can change what is made of the states; nullptr: they may.
  bool (*settled)(const Use& use, const States& states);
  Passes passes;

  // The dtypes that `result` makes, for those who choose dtypes of operands. All but `floats` take bool.
  enum class Makes : std::uint8_t {
    numbers,  // of floats their dtype, of integers and bool the same or int64
    floats,   // of floats alone
    counts,   // int64 of everything: numbers of elements, and their places
    truth,    // bool of everything
  };
  Makes makes = Makes::numbers;
  bool reads_narrow = false;  // `add` takes every floating dtype, whatever `result` was asked for: see Use::operands
};

// The rows of the library, in the order of its documentation.
[[nodiscard]] std::span<const Reducer> reducers();
// nullptr: there is none of this name.
[[nodiscard]] const Reducer* find_reducer(std::string_view name);
// A row that exists.
[[nodiscard]] const Reducer& reducer(std::string_view name);

// "mean", "norm p 2": the name, and the numbers that are given.
[[nodiscard]] std::string describe(const Reducer& reducer, const ReducerParameters& parameters);

}  // namespace brainsurgery
