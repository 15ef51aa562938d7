// All steps and operators as they describe themselves: what help, completion, the plan's JSON Schema and the reference
// pages are made from. None of these knows a step by its name.
#pragma once

#include <string_view>
#include <vector>

#include "plan/plan_file.h"

namespace brainsurgery {

struct Catalog {
  std::vector<Schema> steps;      // sorted by name
  std::vector<Schema> operators;  // of assertions; sorted by name
  std::vector<Schema> sections;   // of a plan beside its steps: inputs, output
  Schema plan;

  // nullptr: there is none.
  [[nodiscard]] const Schema* step(std::string_view name) const;
  [[nodiscard]] const Schema* operator_named(std::string_view name) const;
  [[nodiscard]] const Schema* section(std::string_view name) const;
};

[[nodiscard]] Catalog make_catalog(std::vector<Schema> steps, std::vector<Schema> operators,
                                  const FormatNames& formats);

// The step's payload is one of the operators.
[[nodiscard]] bool takes_operator(const Schema& step);

}  // namespace brainsurgery
