// What it takes to run a program: bytes that it reads, and memory.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/program.h"

namespace brainsurgery {

// How many bytes of its place a gathering instruction may touch, from the place's first element on.
[[nodiscard]] std::int64_t extent(const ops::Gather& gather, DType dtype);

// Bytes of files that a program reads in all.
[[nodiscard]] std::int64_t read_bytes(const Program& program);
// Bytes of mapped files that may be resident when it is done: from the first to the last that each gathering reads.
[[nodiscard]] std::int64_t mapped_bytes(const Program& program);
// The most memory that making `elements` of the result at a time takes beside the result's own, at least one element.
// `in_files`: by buffer, whether it is spilled; those beyond its end are not.
[[nodiscard]] std::int64_t scratch_bytes(const Program& program, std::int64_t elements,
                                         const std::vector<bool>& in_files = {});

}  // namespace brainsurgery
