#include "transforms/interpolation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "transforms/operands.h"

namespace brainsurgery {
namespace {

using Mode = Interpolation::Mode;

// Computes as PyTorch does in that type, so that the same elements and the same weights are chosen.
template <typename Real>
class Sampler {
 public:
  Sampler(std::int64_t from, std::int64_t to, const Interpolation& how) : from_(from), how_(how) {
    if (how.align_corners) {
      scale_ = to > 1 ? static_cast<Real>(from - 1) / static_cast<Real>(to - 1) : Real{0};
    } else {
      scale_ = static_cast<Real>(from) / static_cast<Real>(to);
    }
    result_.taps = how.mode == Mode::nearest ? 1 : how.mode == Mode::linear ? 2 : 4;
    result_.indices.resize(static_cast<std::size_t>(result_.taps * to));
    result_.weights.resize(result_.indices.size(), 1);
    for (std::int64_t i = 0; i < to; ++i) sample(i, to);
  }

  Resampling result() && { return std::move(result_); }

 private:
  void sample(std::int64_t i, std::int64_t to) {
    std::array<Real, 4> weights{1};
    std::int64_t first = 0;
    if (how_.mode == Mode::nearest) {
      first = floor_of(scale_ * static_cast<Real>(i));
    } else {
      const Real place = place_of(i);
      first = floor_of(place);
      const Real beyond = std::clamp(place - static_cast<Real>(first), Real{0}, Real{1});
      if (how_.mode == Mode::linear) {
        weights = {1 - beyond, beyond};
      } else {
        weights = {outer(beyond + 1), inner(beyond), inner(1 - beyond), outer((1 - beyond) + 1)};
        --first;
      }
    }
    for (std::int64_t tap = 0; tap < result_.taps; ++tap) {
      const auto at = static_cast<std::size_t>(tap * to + i);
      result_.indices[at] = std::clamp<std::int64_t>(first + tap, 0, from_ - 1);
      result_.weights[at] = static_cast<double>(weights[static_cast<std::size_t>(tap)]);
    }
  }

  // Where the centre of an element of the result lies.
  [[nodiscard]] Real place_of(std::int64_t i) const {
    if (how_.align_corners) return scale_ * static_cast<Real>(i);
    const Real place = std::fma(scale_, static_cast<Real>(i) + Real{0.5}, Real{-0.5});
    return how_.mode == Mode::linear ? std::max(place, Real{0}) : place;
  }
  // PyTorch rounds to float first, also in double.
  [[nodiscard]] std::int64_t floor_of(Real place) const {
    return std::min(static_cast<std::int64_t>(std::floor(static_cast<float>(place))), from_ - 1);
  }

  // Keys' cubic kernel with a = -0.75, up to 1 and from 1 to 2.
  static constexpr Real kA = Real{-0.75};
  static Real inner(Real x) { return std::fma(std::fma(kA + 2, x, -(kA + 3)) * x, x, Real{1}); }
  static Real outer(Real x) { return std::fma(std::fma(std::fma(kA, x, -5 * kA), x, 8 * kA), x, -4 * kA); }

  std::int64_t from_;
  const Interpolation& how_;
  Real scale_ = 0;
  Resampling result_;
};

template <typename Number>
Expr packed(DType dtype, const std::vector<Number>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(Number));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return literal({dtype, {std::ssize(numbers)}}, std::move(bytes));
}

// The weights of a tap along dimension `dim` of `rank`.
Expr weights_along(std::span<const double> weights, DType dtype, int dim, std::size_t rank) {
  Shape shape(rank - static_cast<std::size_t>(dim), 1);
  shape.front() = std::ssize(weights);
  return reshape(cast(packed(DType::F64, std::vector<double>(weights.begin(), weights.end())), dtype), shape);
}

Expr resampled(const Expr& base, const Resize& size, const Interpolation& how) {
  const auto& [dim, to] = size;
  const std::int64_t from = base.shape()[static_cast<std::size_t>(dim)];
  if (from == to) return base;
  const Resampling parts = resampling(from, to, how, base.dtype() == DType::F64);
  Expr sum;
  for (std::int64_t tap = 0; tap < parts.taps; ++tap) {
    const auto begin = parts.indices.begin() + tap * to;
    Expr part = take(base, packed(DType::I64, std::vector<std::int64_t>(begin, begin + to)), dim);
    if (how.mode == Mode::nearest) return part;
    const auto weights = std::span(parts.weights).subspan(static_cast<std::size_t>(tap * to), static_cast<std::size_t>(to));
    part = map(operation("multiply"),
               {std::move(part), weights_along(weights, base.dtype(), dim, base.shape().size())});
    sum = sum ? map(operation("add"), {std::move(sum), std::move(part)}) : std::move(part);
  }
  return sum;
}

}  // namespace

Resampling resampling(std::int64_t from, std::int64_t to, const Interpolation& how, bool in_double) {
  return in_double ? Sampler<double>(from, to, how).result() : Sampler<float>(from, to, how).result();
}

Expr interpolate(const Expr& base, const std::vector<Resize>& sizes, const Interpolation& how) {
  const bool computes = how.mode != Mode::nearest;
  if (computes) require_floating(base, "interpolation");
  std::vector<Resize> order = sizes;
  std::ranges::sort(order, std::greater(), &Resize::dim);
  Expr result = computes ? cast(base, computing_dtype(base.dtype())) : base;
  for (const Resize& size : order) {
    if (base.shape()[static_cast<std::size_t>(size.dim)] == 0)
      throw Error(ErrorCode::plan,
                  fmt::format("dimension {} of shape {} has no elements", size.dim, to_string(base.shape())));
    result = resampled(result, size, how);
  }
  return cast(std::move(result), base.dtype());
}

}  // namespace brainsurgery
