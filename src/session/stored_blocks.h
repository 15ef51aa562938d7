// Tensors that were read from quantised blocks: which of them still consist of whole ones, and which steps made plain.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "brainsurgery/expr.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

// A tensor as a format can store it that knows the blocks. `type` belongs to the file that the tensor comes from.
struct StoredBlocks {
  std::string_view type;
  Expr bytes;  // U8, in the order of the tensor's elements
};

// nullopt for a tensor that is not read from blocks, that was computed or cast, or where steps took blocks apart. Rows
// may be sliced between blocks, and moved in any way.
[[nodiscard]] std::optional<StoredBlocks> stored_blocks(const Expr& expr);

// Counts tensors that were read from blocks and are written plainly, for one line of text. A tensor that steps cast is
// what they asked for and does not count.
class DecodedTensors {
 public:
  void add(const Expr& expr);
  DecodedTensors& operator+=(const DecodedTensors& other);
  [[nodiscard]] bool empty() const { return counts_.empty(); }
  // "decoded 12 quantised tensors<which>: 8 from Q4_K to float32, 4 from Q6_K to float32".
  [[nodiscard]] std::string text(std::string_view which) const;

 private:
  std::map<std::pair<std::string_view, DType>, std::int64_t> counts_;
};

}  // namespace brainsurgery
