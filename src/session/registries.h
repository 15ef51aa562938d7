// Everything that the program knows, built once and passed by reference.
#pragma once

#include "brainsurgery/format.h"
#include "describe/catalog.h"
#include "plan/plan_file.h"
#include "predicates/predicate.h"
#include "steps/step.h"

namespace brainsurgery {

[[nodiscard]] StepRegistry all_steps(const FormatNames& formats);

struct Registries {
  FormatRegistry formats = all_formats();
  FormatNames format_names{formats.readable_names(), formats.writable_names()};
  PredicateRegistry predicates = all_predicates();
  StepRegistry steps = all_steps(format_names);
};

// How all of its steps and operators describe themselves.
[[nodiscard]] Catalog catalog_of(const Registries& registries);

}  // namespace brainsurgery
