// The tensors of a run that a prompt lists or looks for.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/run.h"
#include "brainsurgery/tensor_ref.h"

namespace brainsurgery {

struct ListedTensor {
  std::string alias;
  TensorInfo info;
};

// `alias::pattern::[slice]` as steps write it; the alias may be left out where there is one model.
[[nodiscard]] TensorRef reference_of(const Run& run, const std::string& text);
// Those whose names match, or, where none does, begin with the pattern as it stands. Throws Error(plan) where there is
// none, with the names that are near.
[[nodiscard]] std::vector<ListedTensor> matching_tensors(Run& run, const TensorRef& pattern);

// A line each, in natural order, and a total. `with_alias`: names have it.
[[nodiscard]] std::string table_of(std::vector<ListedTensor> tensors, bool with_alias);
// All tensors of an alias by the segments of their names, equal layers on one line, and a total.
[[nodiscard]] std::string tree_of(const std::string& alias, const std::vector<TensorInfo>& tensors);

}  // namespace brainsurgery
