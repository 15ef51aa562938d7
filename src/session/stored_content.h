// What a file holds: runs of bytes, and the tensors that are views of them. Names that still share storage share a run,
// where the format can say so; all others have a run of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/format.h"
#include "brainsurgery/workspace.h"
#include "formats/file_layout.h"
#include "planner/physical_plan.h"
#include "session/stored_blocks.h"

namespace brainsurgery {

struct StoredContent {
  std::vector<StoredTensor> tensors;
  std::vector<StoredBytes> objects;
  std::vector<Expr> contents;               // by number: what gives the bytes, in row-major order
  std::vector<std::int64_t> content_bytes;  // by number
  DecodedTensors decoded;                   // that had blocks when they were read
};

// Removes every name whose tensor is the same view of the same storage as that of another name, but for the first of
// them in alphabetical order. Gives the pairs of the names removed and those that stay for them, sorted.
[[nodiscard]] Metadata drop_tied(StateDict& names);

using NamedTensors = std::vector<std::pair<std::string_view, const NamedTensor*>>;

// `tensors` in key order; the result names them as long as they live. A shared run reaches from the first to the last
// byte that one of its tensors uses.
[[nodiscard]] StoredContent store(std::span<const NamedTensors::value_type> tensors, const Format& format);

// Adds the objects, but for those whose name a tensor has. Gives warnings of these.
std::vector<std::string> store_objects(const CheckpointExtras& extras, StoredContent& stored);

// By number: where the bytes of a content stand, if it is a range of a file.
[[nodiscard]] std::vector<std::optional<ContentOrigin>> origins_of(const std::vector<Expr>& contents);

// The layout with expressions for its contents. `compiler`: of all files of the output.
[[nodiscard]] std::unique_ptr<PhysicalPlan> physical_plan(FileLayout layout, const std::vector<Expr>& contents,
                                                          std::shared_ptr<Compiler> compiler);

}  // namespace brainsurgery
