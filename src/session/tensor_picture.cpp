#include "session/tensor_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "brainsurgery/error.h"
#include "session/tensor_value.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMostCells = 1 << 20;

bool has_numbers(const Expr& tensor) {
  return is_readable(tensor) && info(tensor.dtype()).computes && element_count(tensor.shape()) > 0;
}

// The first dimension by all others.
Expr as_matrix(const Expr& tensor) {
  const Shape& shape = tensor.shape();
  const std::int64_t rows = shape.size() < 2 ? 1 : shape.front();
  return reshape(tensor, {rows, element_count(shape) / rows});
}

std::vector<double> doubles(const Expr& expr, DataSource& data) {
  const std::vector<std::byte> bytes = data.values(cast(expr, DType::F64));
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

Expr part(const Expr& matrix, std::int64_t row, std::int64_t rows, std::int64_t column, std::int64_t columns) {
  return slice(matrix, Region{{{row, rows, 1, false}, {column, columns, 1, false}}});
}

struct Reduction {
  const Reducer& reducer;
  ReducerParameters parameters = {};
};

// Of a matrix that blocks divide evenly, a number for each: along one dimension of blocks and then along the other, the
// one first that leaves fewer numbers.
Expr blocks(const Expr& matrix, std::int64_t rows, std::int64_t columns, const Reduction& with) {
  const std::int64_t height = matrix.shape()[0] / rows, width = matrix.shape()[1] / columns;
  const auto reduced = [&](const Expr& of, int axis) { return reduce(with.reducer, {of}, {axis}, false, with.parameters); };
  if (rows * matrix.shape()[1] < matrix.shape()[0] * columns) {
    const Expr lines = reduced(reshape(matrix, {rows, height, matrix.shape()[1]}), 1);
    return reduced(reshape(lines, {rows, columns, width}), 2);
  }
  const Expr lines = reduced(reshape(matrix, {matrix.shape()[0], columns, width}), 2);
  return reduced(reshape(lines, {rows, height, columns}), 1);
}

// A dimension cut into blocks of `step`, and a shorter one at the end.
struct Cut {
  std::int64_t size, step;
  [[nodiscard]] std::int64_t even() const { return size / step; }
  [[nodiscard]] std::int64_t cells() const { return (size + step - 1) / step; }
  struct Span {
    std::int64_t first, count, cells;
  };
  [[nodiscard]] std::vector<Span> spans() const {
    std::vector<Span> all;
    if (even() > 0) all.push_back({0, even() * step, even()});
    if (even() < cells()) all.push_back({even() * step, size - even() * step, 1});
    return all;
  }
};

// A cell for each block, those at the ends included.
Expr grid(const Expr& matrix, const Cut& rows, const Cut& columns, const Reduction& with) {
  std::vector<Expr> bands;
  for (const Cut::Span& down : rows.spans()) {
    std::vector<Expr> pieces;
    for (const Cut::Span& across : columns.spans())
      pieces.push_back(blocks(part(matrix, down.first, down.count, across.first, across.count), down.cells, across.cells, with));
    bands.push_back(concat(std::move(pieces), 1));
  }
  return concat(std::move(bands), 0);
}

}  // namespace

TensorPicture tensor_picture(const PictureQuery& query, const Expr& tensor, DataSource& data) {
  if (query.rows < 1 || query.columns < 1 || query.rows > kMostCells / query.columns)
    throw Error(ErrorCode::plan, fmt::format("a picture has 1 to {} cells", kMostCells));
  if (!has_numbers(tensor)) return {};
  const Expr matrix = cast(as_matrix(tensor), DType::F64);
  const auto cut = [](std::int64_t size, std::int64_t most) { return Cut{size, (size + most - 1) / most}; };
  const Cut rows = cut(matrix.shape()[0], query.rows), columns = cut(matrix.shape()[1], query.columns);
  // One value for both: what they read is read once.
  const Expr both = concat({grid(matrix, rows, columns, {reducer("norm"), {.numbers = {HUGE_VAL}}}),
                            grid(matrix, rows, columns, {reducer("mean")})},
                           0);
  const std::vector<double> values = doubles(both, data);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  return {rows.size,    columns.size,    rows.step,
          columns.step, rows.cells(),    columns.cells(),
          {values.begin(), middle}, {middle, values.end()}};
}

TensorBlock tensor_block(const BlockQuery& query, const Expr& tensor, DataSource& data) {
  if (!has_numbers(tensor)) return {};
  const Expr matrix = as_matrix(tensor);
  const auto left = [](std::int64_t first, std::int64_t count, std::int64_t size) {
    return first < 0 || first >= size ? 0 : std::min(count, size - first);
  };
  const std::int64_t rows = left(query.row, query.rows, matrix.shape()[0]);
  const std::int64_t columns = left(query.column, query.columns, matrix.shape()[1]);
  if (rows < 1 || columns < 1 || rows > kMostCells / columns)
    throw Error(ErrorCode::plan, fmt::format("no block of {} by {} elements begins at row {}, column {}", query.rows,
                                             query.columns, query.row, query.column));
  return {rows, columns, first_values(part(matrix, query.row, rows, query.column, columns), rows * columns, data)};
}

std::vector<double> row_norms(const Expr& tensor, DataSource& data) {
  if (!has_numbers(tensor)) return {};
  return doubles(reduce(reducer("norm"), {cast(as_matrix(tensor), DType::F64)}, {1}), data);
}

std::optional<TensorDistance> tensor_distance(const Expr& a, const Expr& b, DataSource& data) {
  if (!has_numbers(a) || !has_numbers(b) || a.shape() != b.shape()) return std::nullopt;
  const Expr first = cast(a, DType::F64);
  const Expr difference = map(operation("subtract"), {cast(b, DType::F64), first});
  const std::vector<Number> found = data.numbers({reduce(reducer("norm"), {difference}), reduce(reducer("norm"), {first})});
  return TensorDistance{std::get<double>(found[0]), std::get<double>(found[1])};
}

TensorOrigin tensor_origin(const Expr& tensor) {
  if (const auto* source = std::get_if<nodes::Source>(&tensor.node().kind()))
    return {source->file->path(), source->offset, ""};
  const MakerPtr& maker = tensor.node().maker();
  return {"", 0, maker ? maker->command : ""};
}

}  // namespace brainsurgery
