#include "merging/sparse_operations.h"

#include <cmath>

#include "kernels/elementwise_loops.h"

namespace brainsurgery::merging {
namespace {

namespace loops = kernels::elementwise;

// Comparisons are written so that NaN stays.
struct AtLeast {
  template <typename T>
  BS_INLINE static T of(T a, T bound) {
    return std::abs(a) < std::abs(bound) ? T(0) : a;
  }
};
struct AtMost {
  template <typename T>
  BS_INLINE static T of(T a, T bound) {
    return std::abs(a) > std::abs(bound) ? T(0) : a;
  }
};
struct Agreeing {
  template <typename T>
  BS_INLINE static T of(T a, T total) {
    const T turned = total >= T(0) ? a : -a;
    return turned < T(0) ? T(0) : a;
  }
};
struct Agreement {
  template <typename T>
  BS_INLINE static T of(T a, T total) {
    const T turned = total >= T(0) ? a : -a;
    return turned > T(0) ? T(1) : T(0);
  }
};
struct Divided {
  template <typename T>
  BS_INLINE static T of(T a, T divisor) {
    return a / (divisor == T(0) ? T(1) : divisor);
  }
};

DType of_first(const Operation&, std::span<const DType> operands, const Parameters&) {
  BS_CHECK(operands[0] == operands[1] && is_floating(operands[0]));
  return operands[0];
}

template <typename Function>
constexpr Operation row(std::string_view name, std::string_view meaning) {
  return {.name = name,
          .meaning = meaning,
          .operands = 2,
          .parameters = {},
          .result = of_first,
          .run = loops::run<Function, loops::Domain::floats>,
          .domain = Operation::Domain::floats};
}

constexpr Operation kAtLeast = row<AtLeast>("at_least", "a where |a| >= |b|, else 0");
constexpr Operation kAtMost = row<AtMost>("at_most", "a where |a| <= |b|, else 0");
constexpr Operation kAgreeing = row<Agreeing>("agreeing", "a where it has the sign of b, else 0");
constexpr Operation kAgreement = row<Agreement>("agreement", "1 where a has the sign of b, else 0");
constexpr Operation kDivided = row<Divided>("divided", "a / b, or a where b is 0");

}  // namespace

Expr at_least(Expr a, Expr bound) { return map(kAtLeast, {std::move(a), std::move(bound)}); }
Expr at_most(Expr a, Expr bound) { return map(kAtMost, {std::move(a), std::move(bound)}); }
Expr agreeing(Expr a, Expr total) { return map(kAgreeing, {std::move(a), std::move(total)}); }
Expr agreement(Expr a, Expr total) { return map(kAgreement, {std::move(a), std::move(total)}); }
Expr divided(Expr a, Expr divisor) { return map(kDivided, {std::move(a), std::move(divisor)}); }

}  // namespace brainsurgery::merging
