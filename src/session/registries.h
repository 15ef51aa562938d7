// Everything that the program knows, built once and passed by reference.
#pragma once

#include "brainsurgery/format.h"
#include "commands/command.h"
#include "predicates/predicate.h"
#include "transforms/transform.h"

namespace brainsurgery {

struct Registries {
  TransformRegistry transforms = all_transforms();
  PredicateRegistry predicates = all_predicates();
  CommandRegistry commands = all_commands();
  FormatRegistry formats = all_formats();
};

}  // namespace brainsurgery
