#include "differential/random_expr.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <numeric>

#include "brainsurgery/error.h"
#include "support/expressions.h"

namespace brainsurgery::testing {

Expr RandomGraph::build() {
  pool_ = {any_leaf(any_desc())};
  if (chance(engine_, 0.5)) pool_.push_back(any_leaf(any_desc()));
  const std::int64_t operations = 1 + draw(engine_, size_.operations);
  for (std::int64_t i = 0; i < operations; ++i) {
    Expr next = grow();
    if (element_count(next.shape()) <= size_.max_elements) pool_.push_back(std::move(next));
  }
  return pool_.back();
}

// Mostly one of the last few, so that graphs get deep.
Expr RandomGraph::pick() {
  const std::int64_t reach = chance(engine_, 0.75) ? std::min<std::int64_t>(3, std::ssize(pool_)) : std::ssize(pool_);
  const Expr picked = pool_[pool_.size() - 1 - draw(engine_, reach)];
  // Little can be done with a scalar, and an empty tensor stays empty.
  const bool dull = element_count(picked.shape()) < 2;
  return dull && chance(engine_, 0.8) ? pool_[draw(engine_, std::ssize(pool_))] : picked;
}

TensorDesc RandomGraph::any_desc() {
  TensorDesc desc{kDTypes[draw(engine_, std::ssize(kDTypes))], {}};
  const std::int64_t rank = chance(engine_, 0.05) ? 0 : 1 + draw(engine_, 4);
  for (std::int64_t i = 0; i < rank; ++i) {
    const std::int64_t low = chance(engine_, 0.03) ? 0 : 1;
    desc.shape.push_back(low == 0 ? 0 : 1 + draw(engine_, size_.max_dim));
  }
  while (element_count(desc.shape) > size_.max_elements) desc.shape.pop_back();
  return desc;
}

Shape RandomGraph::any_shape(std::int64_t elements) {
  Shape shape;
  while (shape.size() < 4 && (elements > 1 || chance(engine_, 0.2))) {
    std::vector<std::int64_t> divisors;
    for (std::int64_t i = 1; i <= std::min<std::int64_t>(elements, 64); ++i) {
      if (elements % i == 0) divisors.push_back(i);
    }
    const std::int64_t size = shape.size() == 3 ? elements : divisors[draw(engine_, std::ssize(divisors))];
    shape.push_back(size);
    elements /= size;
  }
  if (elements > 1) shape.back() *= elements;
  return shape;
}

Expr RandomGraph::any_leaf(const TensorDesc& desc) {
  const bool draws = desc.dtype == DType::F32 || desc.dtype == DType::F64;
  if (draws && chance(engine_, 0.08)) return random(desc, nodes::Random::Distribution::uniform, 0, 1, engine_());
  if (is_floating(desc.dtype) && chance(engine_, 0.1)) {
    const bool is_normal = chance(engine_, 0.5);
    return random(desc, is_normal ? nodes::Random::Distribution::normal : nodes::Random::Distribution::uniform, -2, 3,
                  CounterSeed{engine_(), engine_()});
  }
  if (chance(engine_, 0.15)) return literal(desc, Sources::numbers(engine_, desc.dtype, element_count(desc.shape)));
  return sources_.any(engine_, desc);
}

Expr RandomGraph::fit(const TensorDesc& desc) {
  if (chance(engine_, 0.75)) {
    std::vector<Expr> candidates;
    for (const Expr& known : pool_) {
      if (known.desc() == desc) candidates.push_back(known);
      const bool same_count = element_count(known.shape()) == element_count(desc.shape);
      if (same_count && element_count(desc.shape) > 0)
        candidates.push_back(cast(reshape(known, desc.shape), desc.dtype));
      if (known.shape().size() > desc.shape.size()) continue;
      const Shape tail(desc.shape.end() - std::ssize(known.shape()), desc.shape.end());
      bool repeats = true;
      for (std::size_t i = 0; i < tail.size(); ++i)
        repeats = repeats && (known.shape()[i] == tail[i] || known.shape()[i] == 1);
      if (repeats) candidates.push_back(cast(broadcast(known, desc.shape), desc.dtype));
    }
    if (!candidates.empty()) return candidates[draw(engine_, std::ssize(candidates))];
  }
  return any_leaf(desc);
}

Region RandomGraph::any_region(const Shape& shape, bool may_be_empty) {
  Region region;
  for (const std::int64_t size : shape) {
    Region::Axis axis{0, size, 1, false};
    if (size > 0 && chance(engine_, 0.2)) {
      axis = {draw(engine_, size), 1, 1, true};
    } else if (size > 0 && chance(engine_, 0.6)) {
      axis.start = draw(engine_, size);
      axis.step = chance(engine_, 0.4) ? 1 + draw(engine_, 3) : 1;
      const std::int64_t most = (size - axis.start + axis.step - 1) / axis.step;
      axis.count = may_be_empty && chance(engine_, 0.03) ? 0 : 1 + draw(engine_, most);
    }
    region.axes.push_back(axis);
  }
  return region;
}

Expr RandomGraph::sliced(const Expr& base) { return slice(base, any_region(base.shape(), true)); }

Expr RandomGraph::permuted(const Expr& base) {
  std::vector<int> order(base.shape().size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, engine_);
  return permute(base, order);
}

Expr RandomGraph::reshaped(const Expr& base) {
  if (element_count(base.shape()) == 0) return base;
  return reshape(base, any_shape(element_count(base.shape())));
}

Expr RandomGraph::repeated(const Expr& base) {
  Shape shape = base.shape();
  for (std::int64_t& size : shape) {
    if (size == 1 && chance(engine_, 0.7)) size = 1 + draw(engine_, 4);
  }
  while (shape.size() < 4 && chance(engine_, 0.5)) shape.insert(shape.begin(), 1 + draw(engine_, 3));
  return broadcast(base, shape);
}

Expr RandomGraph::scaled(const Expr& base) {
  if (base.dtype() == DType::BOOL) return cast(base, DType::F32);
  if (is_integer(base.dtype())) return scale(base, static_cast<double>(draw(engine_, 9) - 4));
  constexpr std::array kFactors{0.5, -1.25, 0.1, 3.0, 1e-3, 0.0, 1e30};
  return scale(base, kFactors[draw(engine_, std::ssize(kFactors))]);
}

Expr RandomGraph::clamped(const Expr& base) {
  if (base.dtype() == DType::BOOL) return base;
  switch (draw(engine_, 4)) {
    case 0:
      return clamp(base, -3.5, 3.25);
    case 1:
      return clamp(base, 0.0, std::nullopt);
    case 2:
      return clamp(base, std::nullopt, 1.5);
    default:
      return clamp(base, -1.0, 120.0);
  }
}

// A random table for the codes of a byte, which are all in it.
Expr RandomGraph::looked_up(const Expr& base) {
  const DType dtype = kDTypes[draw(engine_, std::ssize(kDTypes))];
  auto table = std::make_shared<LookupTable>();
  *table = {dtype, Sources::numbers(engine_, dtype, 256)};
  return map(operation("lookup"), {cast(base, DType::U8)}, {.numbers = {}, .dtype = {}, .table = std::move(table)});
}

namespace {

// Whether the table has the operation for operands of these dtypes, and a random value of them may be given to it.
bool is_defined(const Operation& operation, const std::vector<Expr>& operands) {
  std::vector<DType> dtypes;
  for (const Expr& operand : operands) dtypes.push_back(operand.dtype());
  // Integers would be divided by zero, and ATen gives NaN for subnormal divisors; the oracle tests have these two.
  if (operation.name == "floor_divide" || operation.name == "remainder") return false;
  if (operation.name == "pow" && !is_floating(dtypes[1])) return false;  // of integers, negative ones
  try {
    static_cast<void>(operation.result(operation, dtypes, {}));
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

// An operation of the table without parameters.
Expr RandomGraph::combined(const Expr& base) {
  std::vector<const Operation*> candidates;
  for (const Operation& candidate : operations()) {
    if (candidate.parameters[0].empty() && candidate.name != "cast" && candidate.name != "lookup") candidates.push_back(&candidate);
  }
  const Operation& drawn = *candidates[draw(engine_, std::ssize(candidates))];
  std::vector<Expr> operands;
  for (std::size_t i = 0; i < drawn.operands; ++i) operands.push_back(i == 0 ? base : fit(base.desc()));
  if (drawn.name == "where") operands[0] = fit({DType::BOOL, base.shape()});
  std::ranges::shuffle(operands.begin() + (drawn.name == "where" ? 1 : 0), operands.end(), engine_);
  return is_defined(drawn, operands) ? map(drawn, operands) : base;
}

Expr RandomGraph::taken(const Expr& base) {
  if (base.shape().empty()) return base;
  const auto dim = static_cast<int>(draw(engine_, std::ssize(base.shape())));
  const std::int64_t size = base.shape()[dim], others = size == 0 ? 0 : element_count(base.shape()) / size;
  const std::int64_t count = size == 0 || chance(engine_, 0.05) ? 0 : 1 + draw(engine_, size_.max_dim);
  if (others * count > size_.max_elements) return base;
  std::vector<std::int64_t> index(static_cast<std::size_t>(count));
  const bool climbs = chance(engine_, 0.3);  // neighbours
  for (std::int64_t& one : index) one = climbs && &one != index.data() ? (*(&one - 1) + 1) % size : draw(engine_, size);
  const auto bytes = std::as_bytes(std::span(index));
  const Expr places = literal({DType::I64, {count}}, std::vector<std::byte>(bytes.begin(), bytes.end()));
  return take(base, chance(engine_, 0.5) ? places : cast(places, DType::I8), dim);
}

Expr RandomGraph::joined(const Expr& base) {
  if (base.shape().empty()) return base;
  const auto dim = static_cast<int>(draw(engine_, std::ssize(base.shape())));
  std::vector<Expr> parts{base};
  const std::int64_t more = draw(engine_, 4);
  for (std::int64_t i = 0; i < more; ++i) {
    TensorDesc desc = base.desc();
    if (desc.shape[dim] > 0 && chance(engine_, 0.4)) {  // a stretch of the first part
      Region region;
      for (const std::int64_t size : desc.shape) region.axes.push_back({0, size, 1, false});
      Region::Axis& axis = region.axes[dim];
      axis.start = draw(engine_, axis.count);
      axis.count = 1 + draw(engine_, axis.count - axis.start);
      parts.push_back(slice(base, region));
    } else {
      if (chance(engine_, 0.6)) desc.shape[dim] = chance(engine_, 0.1) ? 0 : 1 + draw(engine_, size_.max_dim);
      if (element_count(desc.shape) <= size_.max_elements) parts.push_back(fit(desc));
    }
  }
  std::ranges::shuffle(parts, engine_);
  return concat(parts, dim);
}

Expr RandomGraph::overwritten(const Expr& base) {
  const Region region = any_region(base.shape(), false);
  return overwrite(base, region, fit({base.dtype(), region.shape()}));
}

namespace {

// Small integers, whose products and sums are exact in every dtype and order.
Expr small(const Expr& expr) { return cast(clamp(cast(expr, DType::I8), -2.0, 2.0), expr.dtype()); }

}  // namespace

Expr RandomGraph::product(const Expr& base) {
  const std::int64_t inner = base.shape().empty() ? 0 : base.shape().back();
  if (base.shape().empty() || base.dtype() == DType::BOOL || inner * size_.max_dim > size_.max_elements) return base;
  const Expr left = base.dtype() == DType::U8 ? base : small(base);
  const Shape right_shape{inner, 1 + draw(engine_, size_.max_dim)};
  const Expr right = fit({base.dtype(), right_shape});
  return matmul(left, base.dtype() == DType::U8 ? right : small(right));
}

// A reducer of the table whose result does not depend on an order of additions, along some axes.
Expr RandomGraph::reduced(const Expr& base) {
  constexpr std::array kOfAll{"min", "max", "argmin", "argmax", "count_nonzero", "any", "all", "median", "histogram"};
  constexpr std::array kOfSmall{"sum", "mean", "norm", "dot"};
  const bool sums = chance(engine_, 0.5);
  const Reducer& drawn = reducer(sums ? kOfSmall[draw(engine_, std::ssize(kOfSmall))]
                                      : kOfAll[draw(engine_, std::ssize(kOfAll))]);
  std::vector<int> axes;
  for (int axis = 0; axis < static_cast<int>(base.shape().size()); ++axis)
    if (chance(engine_, 0.5)) axes.push_back(axis);
  std::vector<Expr> operands{base};
  if (drawn.operands == 2) operands.push_back(fit(base.desc()));
  if (sums) std::ranges::transform(operands, operands.begin(), small);
  ReducerParameters parameters;
  if (drawn.name == "norm") parameters.numbers[0] = chance(engine_, 0.5) ? 1 : std::numeric_limits<double>::infinity();
  if (drawn.name == "histogram") parameters.numbers = {3.0, -4.0, 5.0};
  try {
    return reduce(drawn, operands, axes, chance(engine_, 0.5), parameters);
  } catch (const Error&) {
    return base;  // not defined for the dtype, or without elements
  }
}

Expr RandomGraph::grow() {
  const Expr base = pick();
  switch (draw(engine_, 22)) {
    case 0:
    case 1:
      return sliced(base);
    case 2:
      return permuted(base);
    case 3:
      return reshaped(base);
    case 4:
      return repeated(base);
    case 5:
      return cast(base, kDTypes[draw(engine_, std::ssize(kDTypes))]);
    case 6:
      return scaled(base);
    case 7:
      return clamped(base);
    case 8:
    case 9:
      return combined(base);
    case 10:
    case 11:
      return joined(base);
    case 12:
    case 13:
      return overwritten(base);
    case 14:
    case 15:
    case 16:
      return combined(base);
    case 17:
    case 18:
      return reduced(base);
    case 19:
      return looked_up(base);
    case 20:
      return taken(base);
    default:
      return product(base);
  }
}

}  // namespace brainsurgery::testing
