// Everything that the program knows, built once and passed by reference.
#pragma once

#include "brainsurgery/format.h"
#include "commands/command.h"
#include "describe/catalog.h"
#include "plan/plan_file.h"
#include "predicates/predicate.h"
#include "transforms/transform.h"

namespace brainsurgery {

struct Registries {
  TransformRegistry transforms = all_transforms();
  PredicateRegistry predicates = all_predicates();
  FormatRegistry formats = all_formats();
  FormatNames format_names{formats.readable_names(), formats.writable_names()};
  CommandRegistry commands = all_commands(format_names);
};

// How all of its steps and operators describe themselves.
[[nodiscard]] Catalog catalog_of(const Registries& registries);

}  // namespace brainsurgery
