// A table of operations or of reducers: the rows of the library, and those of a program that links it.
//
//   OperationTable operations;             // the rows of the library
//   operations.add(kSoftClamp);            // a constant of the program
//   Registries registries = builtin_registries(operations);      // brainsurgery/registries.h
//
// A value. May be used from several threads while nobody adds rows.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace brainsurgery {

struct Operation;  // brainsurgery/operation.h
struct Reducer;    // brainsurgery/reducer.h

template <typename Row>
class RowTable {
 public:
  RowTable();

  // The row is not copied: it must have static storage duration. Throws Error(plan) where there is one of its name, or
  // where the row is not complete.
  void add(const Row& row);
  // nullptr: there is none of this name.
  [[nodiscard]] const Row* find(std::string_view name) const;
  // Those of the library first, in the order of its documentation.
  [[nodiscard]] std::span<const Row* const> rows() const { return rows_; }

 private:
  std::vector<const Row*> rows_;
};
using OperationTable = RowTable<Operation>;
using ReducerTable = RowTable<Reducer>;

}  // namespace brainsurgery
