#include "kernels/elementwise.h"

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "kernels/elementwise_loops.h"
#include "kernels/kernels.h"

namespace brainsurgery::kernels::elementwise {
namespace {

// Integers wrap.
template <typename T>
BS_INLINE T negative(T a) {
  if constexpr (std::integral<T>) {
    return static_cast<T>(std::make_unsigned_t<T>{} - static_cast<std::make_unsigned_t<T>>(a));
  } else {
    return -a;
  }
}

template <std::integral T>
void require_divisor(T b) {
  if (b == 0) throw Error(ErrorCode::run, "an integer is divided by zero");
}

template <typename T>
inline constexpr bool kIsSignedInteger = std::integral<T> && std::is_signed_v<T>;

struct Divide {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    return a / b;
  }
};

// Of floats as Python's //: the quotient without the remainder, which is exact, rounded to the integral value that it
// is.
struct FloorDivide {
  template <std::floating_point T>
  BS_INLINE static T of(T a, T b) {
    if (b == 0) return a / b;
    const T rest = std::fmod(a, b);
    T quotient = (a - rest) / b;
    if (rest != 0 && (b < 0) != (rest < 0)) quotient -= 1;
    if (quotient == 0) return std::copysign(T{0}, a / b);
    const T whole = std::floor(quotient);
    return quotient - whole > T{0.5} ? whole + 1 : whole;
  }
  template <std::integral T>
  BS_INLINE static T of(T a, T b) {
    require_divisor(b);
    if constexpr (kIsSignedInteger<T>) {
      if (b == -1) return negative(a);
      return static_cast<T>(a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0));
    } else {
      return static_cast<T>(a / b);
    }
  }
};

struct Remainder {
  template <std::floating_point T>
  BS_INLINE static T of(T a, T b) {
    const T rest = std::fmod(a, b);
    return rest != 0 && (b < 0) != (rest < 0) ? rest + b : rest;
  }
  template <std::integral T>
  BS_INLINE static T of(T a, T b) {
    require_divisor(b);
    if constexpr (kIsSignedInteger<T>) {
      if (b == -1) return 0;
      const auto rest = static_cast<T>(a % b);
      return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
    } else {
      return static_cast<T>(a % b);
    }
  }
};

template <typename T>
BS_INLINE bool is_negative(T a) {
  if constexpr (std::floating_point<T>) {
    return std::signbit(a);
  } else {
    return a < 0;
  }
}

// As IEEE 754-2019 has them: -0.0 is below 0.0.
struct Minimum {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    const bool takes_a = (a < b) | (a != a) | ((a == b) & is_negative(a));
    return takes_a ? a : b;
  }
};

struct Maximum {
  template <typename T>
  BS_INLINE static T of(T a, T b) {
    const bool takes_a = (a > b) | (a != a) | ((a == b) & !is_negative(a));
    return takes_a ? a : b;
  }
};

struct Negate {
  template <typename T>
  BS_INLINE static T of(T a) {
    return negative(a);
  }
};

struct Abs {
  template <typename T>
  BS_INLINE static T of(T a) {
    if constexpr (std::floating_point<T>) {
      return std::fabs(a);
    } else if constexpr (kIsSignedInteger<T>) {
      return a < 0 ? negative(a) : a;
    } else {
      return a;
    }
  }
  template <Half Codec>
  BS_INLINE static std::uint16_t of_code(std::uint16_t a) {
    const auto nan = static_cast<std::int16_t>(Codec::encode(std::numeric_limits<float>::quiet_NaN()));
    const std::int16_t size = magnitude(a);
    return static_cast<std::uint16_t>(size > Codec::kInfinity ? nan : size);
  }
};

struct Sign {
  template <typename T>
  BS_INLINE static T of(T a) {
    if constexpr (std::unsigned_integral<T>) {
      return static_cast<T>(a > 0);
    } else {
      return static_cast<T>((a > 0) - (a < 0));
    }
  }
};

struct Sqrt {
  template <typename T>
  BS_INLINE static T of(T a) {
    return std::sqrt(a);
  }
};

struct Rsqrt {
  template <typename T>
  BS_INLINE static T of(T a) {
    return T{1} / std::sqrt(a);
  }
};

struct Reciprocal {
  template <typename T>
  BS_INLINE static T of(T a) {
    return T{1} / a;
  }
};

struct Round {
  template <typename T>
  BS_INLINE static T of(T a) {
    if constexpr (std::integral<T>) return a;
    else return std::nearbyint(a);
  }
};

struct Floor {
  template <typename T>
  BS_INLINE static T of(T a) {
    if constexpr (std::integral<T>) return a;
    else return std::floor(a);
  }
};

struct Ceil {
  template <typename T>
  BS_INLINE static T of(T a) {
    if constexpr (std::integral<T>) return a;
    else return std::ceil(a);
  }
};

// In the order of values; both zeros are 0. NaN has none.
BS_INLINE std::int16_t order_of(std::uint16_t half) { return magnitude(half) == 0 ? std::int16_t{0} : ordinal(half); }

template <Half Codec>
BS_INLINE bool are_numbers(std::uint16_t a, std::uint16_t b) {
  return std::max(magnitude(a), magnitude(b)) <= Codec::kInfinity;
}

struct Equal {
  template <typename T>
  BS_INLINE static bool of(T a, T b) {
    return a == b;
  }
  template <Half Codec>
  BS_INLINE static bool of_codes(std::uint16_t a, std::uint16_t b) {
    const bool zeros = magnitude(a | b) == 0, same = a == b, numbers = magnitude(a) <= Codec::kInfinity;
    return zeros | (same & numbers);
  }
};

struct Less {
  template <typename T>
  BS_INLINE static bool of(T a, T b) {
    return a < b;
  }
  template <Half Codec>
  BS_INLINE static bool of_codes(std::uint16_t a, std::uint16_t b) {
    const bool less = order_of(a) < order_of(b), numbers = are_numbers<Codec>(a, b);
    return less & numbers;
  }
};

struct LessEqual {
  template <typename T>
  BS_INLINE static bool of(T a, T b) {
    return a <= b;
  }
  template <Half Codec>
  BS_INLINE static bool of_codes(std::uint16_t a, std::uint16_t b) {
    const bool ordered = order_of(a) <= order_of(b), numbers = are_numbers<Codec>(a, b);
    return ordered & numbers;
  }
};

struct IsNan {
  template <typename T>
  BS_INLINE static bool of(T a) {
    return a != a;
  }
  template <Half Codec>
  BS_INLINE static bool of_code(std::uint16_t a) {
    return magnitude(a) > Codec::kInfinity;
  }
};

struct IsFinite {
  template <typename T>
  BS_INLINE static bool of(T a) {
    if constexpr (std::floating_point<T>) {
      return std::fabs(a) <= std::numeric_limits<T>::max();
    } else {
      return true;
    }
  }
  template <Half Codec>
  BS_INLINE static bool of_code(std::uint16_t a) {
    return magnitude(a) < Codec::kInfinity;
  }
};

struct IsFalse {
  template <typename T>
  BS_INLINE static bool of(T a) {
    return a == T{};
  }
};

// Bool has its own rules, and no numbers.
template <typename Function, BinaryOp kOfBool>
void run_with_bool(const Call& call) {
  if (call.dtype == DType::BOOL) {
    binary(kOfBool, call.dtype, call.operands[0], call.operands[1], call.out, call.n);
  } else {
    run<Function, Domain::numbers>(call);
  }
}

template <BinaryOp kOp>
void run_arithmetic(const Call& call) {
  binary(kOp, call.dtype, call.operands[0], call.operands[1], call.out, call.n);
}

template <typename T>
void select(const Call& call) {
  run_widest<SelectLoop<T>>(operand<std::uint8_t>(call, 0), operand<T>(call, 1), operand<T>(call, 2),
                            static_cast<T*>(call.out), call.n);
}

}  // namespace

void add(const Call& call) { run_arithmetic<BinaryOp::add>(call); }
void subtract(const Call& call) { run_arithmetic<BinaryOp::subtract>(call); }
void multiply(const Call& call) { run_arithmetic<BinaryOp::multiply>(call); }
void divide(const Call& call) { run<Divide, Domain::floats>(call); }
void floor_divide(const Call& call) { run<FloorDivide, Domain::numbers>(call); }
void remainder(const Call& call) { run<Remainder, Domain::numbers>(call); }
void minimum(const Call& call) { run_with_bool<Minimum, BinaryOp::multiply>(call); }
void maximum(const Call& call) { run_with_bool<Maximum, BinaryOp::add>(call); }

void negate(const Call& call) { run<Negate, Domain::numbers>(call); }
void abs(const Call& call) { run<Abs, Domain::numbers>(call); }
void sign(const Call& call) { run<Sign, Domain::numbers>(call); }
void sqrt(const Call& call) { run<Sqrt, Domain::floats>(call); }
void rsqrt(const Call& call) { run<Rsqrt, Domain::floats>(call); }
void reciprocal(const Call& call) { run<Reciprocal, Domain::floats>(call); }
void round(const Call& call) { run<Round, Domain::numbers>(call); }
void floor(const Call& call) { run<Floor, Domain::numbers>(call); }
void ceil(const Call& call) { run<Ceil, Domain::numbers>(call); }

void scale(const Call& call) {
  kernels::scale(call.dtype, call.operands[0], *call.parameters.numbers[0], call.out, call.n);
}
void clamp(const Call& call) {
  kernels::clamp(call.dtype, call.operands[0], {call.parameters.numbers[0], call.parameters.numbers[1]}, call.out,
                 call.n);
}
void cast(const Call& call) {
  kernels::cast(call.operand_dtypes[0], call.operands[0], call.dtype, call.out, call.n);
}
void where(const Call& call) {
  switch (item_size(call.dtype)) {
    case 1:
      return select<std::uint8_t>(call);
    case 2:
      return select<std::uint16_t>(call);
    case 4:
      return select<std::uint32_t>(call);
    default:
      return select<std::uint64_t>(call);
  }
}

void equal(const Call& call) { run_test<Equal>(call); }
void less(const Call& call) { run_test<Less>(call); }
void less_equal(const Call& call) { run_test<LessEqual>(call); }
void is_nan(const Call& call) { run_test<IsNan>(call); }
void is_finite(const Call& call) { run_test<IsFinite>(call); }
void logical_not(const Call& call) { run_test<IsFalse>(call); }

}  // namespace brainsurgery::kernels::elementwise
