// Everything that a session knows by name: steps, operators of assertions, formats of files, and functions of formulas.
// A program that links the library adds its own (docs/extending.md).
//
//   OperationTable operations;
//   operations.add(kSquash);                                     // a function of formulas: brainsurgery/operation.h
//   Registries registries = builtin_registries(operations);
//   registries.steps.add(squash_in_place());                     // brainsurgery/step.h
//   registries.predicates.add(spans_at_most());                  // brainsurgery/predicate.h
//   Session session(posix_env(), events, options, registries);   // brainsurgery/session.h
//
// Messages, help, the JSON Schema, completion and the reference manual know the additions as they know the rest.
#pragma once

#include "brainsurgery/format.h"
#include "brainsurgery/operation.h"
#include "brainsurgery/predicate.h"
#include "brainsurgery/reducer.h"
#include "brainsurgery/row_table.h"
#include "brainsurgery/step.h"

namespace brainsurgery {

// A value. May be used from several threads while nobody adds to it.
struct Registries {
  FormatRegistry formats;
  PredicateRegistry predicates;
  StepRegistry steps;
};

// Those of the library, whose formulas know the operations and the reducers.
[[nodiscard]] Registries builtin_registries(const OperationTable& operations = {}, const ReducerTable& reducers = {});

}  // namespace brainsurgery
