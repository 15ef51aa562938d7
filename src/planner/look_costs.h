// What it takes to look at tensors for an assertion that no program of an output answers.
#pragma once

#include <cstdint>

#include "planner/compiler.h"
#include "planner/questions.h"

namespace brainsurgery {

// How often all elements of an integer tensor go by to tell whether two of them are equal: in bounded memory.
[[nodiscard]] std::int64_t distinct_passes(std::int64_t elements, std::int64_t budget_bytes);

// Bytes of inputs that are read until the question is answered, if all elements have to be looked at; what is read once
// more for the message of a failure not counted.
[[nodiscard]] std::int64_t look_bytes(const Questions::Question& question, const CompileOptions& options,
                                      std::int64_t budget_bytes);

}  // namespace brainsurgery
