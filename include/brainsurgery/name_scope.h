// The names of the workspace as an assertion or a report sees them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "brainsurgery/tensor_ref.h"
#include "brainsurgery/workspace.h"

namespace brainsurgery {

// A tensor that a reference selected. `expr` is the sliced part where the reference has a slice.
struct FoundTensor {
  std::string alias;
  std::string name;
  Expr expr;
  AccessCounts counts;
  std::string slice;  // as written; empty without one

  [[nodiscard]] std::string label() const { return alias + "::" + name + (slice.empty() ? "" : "::" + slice); }
};

class NameScope {
 public:
  virtual ~NameScope() = default;
  // The matches of the pattern, in sorted order; may be none.
  [[nodiscard]] virtual std::vector<FoundTensor> select(const TensorRef& ref) = 0;
  // How many matches there are.
  [[nodiscard]] virtual std::int64_t count_matches(const TensorRef& ref) = 0;
  // For each match of `pattern` the tensor that `derived` names, which may not exist: then it has no expr.
  [[nodiscard]] virtual std::vector<std::pair<FoundTensor, FoundTensor>> select_pairs(const TensorRef& pattern,
                                                                                      const TensorRef& derived) = 0;
  // "model::expr"
  [[nodiscard]] virtual std::string describe(const TensorRef& ref) const = 0;
  // The mistake of a reference that matches nothing.
  [[nodiscard]] virtual Error no_match(const TensorRef& ref) const = 0;
  // The mistake of a name that does not exist: one from select_pairs.
  [[nodiscard]] virtual Error missing(const TensorRef& derived, const FoundTensor& tensor) const = 0;
  // Gives the counts after it.
  virtual AccessCounts count_read(const FoundTensor& tensor) = 0;
};

}  // namespace brainsurgery
