// The program's command line, with a step, an operator and two functions of formulas more.
#include <brainsurgery/command_line.h>
#include <brainsurgery/registries.h>

#include "extension.h"

int main(int argc, char** argv) {
  brainsurgery::OperationTable operations;
  operations.add(surgeon::kSquash);
  brainsurgery::ReducerTable reducers;
  reducers.add(surgeon::kSpan);
  brainsurgery::Registries registries = brainsurgery::builtin_registries(operations, reducers);
  registries.steps.add(surgeon::squash_in_place());
  registries.predicates.add(surgeon::spans_at_most());
  return brainsurgery::command_line_main(argc, argv, registries);
}
