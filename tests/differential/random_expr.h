// Random expression graphs: shapes of rank 0 to 4, all kinds of node, much sharing.
#pragma once

#include <cstdint>
#include <vector>

#include "differential/sources.h"

namespace brainsurgery::testing {

struct GraphSize {
  int operations = 16;
  std::int64_t max_dim = 7;  // sizes of dimensions, from 0
  std::int64_t max_elements = 1500;
};

class RandomGraph {
 public:
  RandomGraph(Engine& engine, const Sources& sources, const GraphSize& size)
      : engine_(engine), sources_(sources), size_(size) {}

  // Builds a graph and gives its last node.
  [[nodiscard]] Expr build();
  // Everything built so far, operands before what is made from them.
  [[nodiscard]] const std::vector<Expr>& nodes() const { return pool_; }
  // Some expression of this shape and dtype, made from what there is.
  [[nodiscard]] Expr fit(const TensorDesc& desc);
  [[nodiscard]] Region any_region(const Shape& shape, bool may_be_empty);

 private:
  [[nodiscard]] Expr grow();
  [[nodiscard]] Expr pick();
  [[nodiscard]] TensorDesc any_desc();
  [[nodiscard]] Shape any_shape(std::int64_t elements);
  [[nodiscard]] Expr any_leaf(const TensorDesc& desc);
  [[nodiscard]] Expr sliced(const Expr& base);
  [[nodiscard]] Expr permuted(const Expr& base);
  [[nodiscard]] Expr reshaped(const Expr& base);
  [[nodiscard]] Expr repeated(const Expr& base);
  [[nodiscard]] Expr scaled(const Expr& base);
  [[nodiscard]] Expr clamped(const Expr& base);
  [[nodiscard]] Expr looked_up(const Expr& base);
  [[nodiscard]] Expr combined(const Expr& base);
  [[nodiscard]] Expr taken(const Expr& base);
  [[nodiscard]] Expr joined(const Expr& base);
  [[nodiscard]] Expr overwritten(const Expr& base);
  [[nodiscard]] Expr product(const Expr& base);
  [[nodiscard]] Expr reduced(const Expr& base);

  Engine& engine_;
  const Sources& sources_;
  GraphSize size_;
  std::vector<Expr> pool_;
};

}  // namespace brainsurgery::testing
