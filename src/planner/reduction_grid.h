// How the work of a reduction is cut into pieces. The cut depends on the shape alone: sums are rounded in the same
// order for any number of threads, tile size and budget.
//
// The operands are taken as [outer, reduced, inner], and every result is made of the elements along the middle one. A
// piece is a box of them: many whole results if these are of few elements, or a block of the elements of some results.
// States of the blocks of one result are merged in their order.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

namespace brainsurgery {

struct ReductionShape {
  std::int64_t outer = 1, reduced = 1, inner = 1;

  [[nodiscard]] std::int64_t results() const { return outer * inner; }
  [[nodiscard]] std::int64_t elements() const { return outer * reduced * inner; }

  friend auto operator<=>(const ReductionShape&, const ReductionShape&) = default;
};

struct ReductionPiece {
  std::int64_t block;          // which one of a result's blocks
  std::int64_t outer, outers;  // first and count, of each dimension
  std::int64_t first, count;
  std::int64_t column, columns;

  [[nodiscard]] std::int64_t results() const { return outers * columns; }
};

struct ReductionLimits {
  std::int64_t piece = 1 << 18;        // elements of a piece, where that can be had
  std::int64_t chunk = 1 << 16;        // added at a time: operands and states then stay in a second-level cache
  std::int64_t most_states = 1 << 19;  // of all blocks
  std::int64_t piece_states = 1 << 18;  // of a piece, where it has several outer ones

  friend bool operator==(const ReductionLimits&, const ReductionLimits&) = default;
};

class ReductionGrid {
 public:
  // A shape with elements.
  explicit ReductionGrid(const ReductionShape& shape, const ReductionLimits& limits = {})
      : shape_(shape),
        limits_(limits),
        columns_(quotient(shape.inner, quotient(shape.inner, kMostColumns))),
        column_pieces_(quotient(shape.inner, columns_)) {
    const std::int64_t wanted = quotient(shape.elements(), limits.piece);
    const std::int64_t most = std::clamp<std::int64_t>(limits.most_states / shape.results(), 1, shape.reduced);
    const std::int64_t blocks = std::clamp<std::int64_t>(wanted / (shape.outer * column_pieces_), 1, most);
    length_ = quotient(shape.reduced, blocks);
    blocks_ = quotient(shape.reduced, length_);
    if (blocks_ == 1 && column_pieces_ == 1)
      outers_ = std::clamp<std::int64_t>(
          std::min(limits.piece / (shape.reduced * shape.inner), limits.piece_states / shape.inner), 1, shape.outer);
  }

  [[nodiscard]] const ReductionShape& shape() const { return shape_; }
  [[nodiscard]] std::int64_t blocks() const { return blocks_; }  // of each result
  [[nodiscard]] std::int64_t pieces() const { return quotient(shape_.outer, outers_) * blocks_ * column_pieces_; }
  [[nodiscard]] ReductionPiece piece(std::int64_t index) const {
    const std::int64_t column = index % column_pieces_ * columns_;
    const std::int64_t block = index / column_pieces_ % blocks_;
    const std::int64_t outer = index / column_pieces_ / blocks_ * outers_;
    const std::int64_t first = block * length_;
    return {block,
            outer,
            std::min(outers_, shape_.outer - outer),
            first,
            std::min(length_, shape_.reduced - first),
            column,
            std::min(columns_, shape_.inner - column)};
  }
  // Of the largest piece.
  [[nodiscard]] std::int64_t piece_results() const { return outers_ * columns_; }
  [[nodiscard]] std::int64_t chunk_elements() const {
    return std::min(outers_ * length_ * columns_, std::max(columns_, limits_.chunk));
  }
  // Of a piece, how many are added to states at a time: rows of the middle dimension, or boxes of all of it.
  [[nodiscard]] std::int64_t chunk_rows(const ReductionPiece& piece) const {
    return std::max<std::int64_t>(1, limits_.chunk / piece.columns);
  }
  [[nodiscard]] std::int64_t chunk_outers(const ReductionPiece& piece) const {
    return std::max<std::int64_t>(1, limits_.chunk / (piece.count * piece.columns));
  }

 private:
  static constexpr std::int64_t kMostColumns = 1 << 14;  // whose states are at hand at one time

  static std::int64_t quotient(std::int64_t a, std::int64_t b) { return a == 0 ? 0 : 1 + (a - 1) / b; }

  ReductionShape shape_;
  ReductionLimits limits_;
  std::int64_t columns_, column_pieces_;
  std::int64_t outers_ = 1, length_ = 1, blocks_ = 1;
};

}  // namespace brainsurgery
