// The loops of elementwise operations: a function of one element or two, over packed elements of one dtype.
//
//   struct Negate {
//     template <typename T>
//     BS_INLINE static T of(T a) { return -a; }
//   };
//   run<Negate, Domain::floats>(call);
#pragma once

#include "kernels/element.h"
#include "kernels/elementwise.h"

namespace brainsurgery::kernels::elementwise {

// Which types a function takes.
enum class Domain : std::uint8_t { numbers, floats, integers };

template <typename C, Domain kDomain>
inline constexpr bool kIncludes = !std::same_as<C, bool> && (kDomain == Domain::numbers ||
                                                             (kDomain == Domain::floats) == std::floating_point<C>);

// Functions that take halves as they are stored: loops over 16 bits go through twice as many at a time as over floats.
template <typename Function, typename Codec>
concept TakesCode = Half<Codec> && requires(std::uint16_t code) { Function::template of_code<Codec>(code); };
template <typename Function, typename Codec>
concept TakesCodes = Half<Codec> && requires(std::uint16_t code) { Function::template of_codes<Codec>(code, code); };

template <typename Function, typename Codec>
struct UnaryLoop {
  using T = typename Codec::Storage;
  BS_INLINE static T of(T a) {
    if constexpr (TakesCode<Function, Codec>) return Function::template of_code<Codec>(a);
    else return Codec::encode(Function::of(Codec::decode(a)));
  }
  BS_INLINE static void run(const T* a, T* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = of(a[i]);
  }
};

template <typename Function, typename Codec>
struct BinaryLoop {
  using T = typename Codec::Storage;
  BS_INLINE static void run(const T* a, const T* b, T* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = Codec::encode(Function::of(Codec::decode(a[i]), Codec::decode(b[i])));
  }
};

template <typename Function, typename Codec>
struct TestLoop {
  using T = typename Codec::Storage;
  BS_INLINE static bool of(T a) {
    if constexpr (TakesCode<Function, Codec>) return Function::template of_code<Codec>(a);
    else return Function::of(Codec::decode(a));
  }
  BS_INLINE static void run(const T* a, std::uint8_t* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = of(a[i]) ? 1 : 0;
  }
};

template <typename Function, typename Codec>
struct CompareLoop {
  using T = typename Codec::Storage;
  BS_INLINE static bool of(T a, T b) {
    if constexpr (TakesCodes<Function, Codec>) return Function::template of_codes<Codec>(a, b);
    else return Function::of(Codec::decode(a), Codec::decode(b));
  }
  BS_INLINE static void run(const T* a, const T* b, std::uint8_t* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = of(a[i], b[i]) ? 1 : 0;
  }
};

template <typename T>
struct SelectLoop {
  BS_INLINE static void run(const std::uint8_t* condition, const T* a, const T* b, T* out, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) out[i] = condition[i] != 0 ? a[i] : b[i];
  }
};

template <typename T>
const T* operand(const Call& call, std::size_t i) {
  return static_cast<const T*>(call.operands[i]);
}

// Runs the loop over one or two operands of the result's dtype.
template <typename Function, Domain kDomain>
void run(const Call& call) {
  visit_codec(call.dtype, [&call](auto codec) {
    using Codec = decltype(codec);
    using C = typename Codec::Compute;
    using T = typename Codec::Storage;
    if constexpr (!kIncludes<C, kDomain>) {
      fail_check("the operation is defined for the dtype", __FILE__, __LINE__);
    } else if constexpr (requires(C value) { Function::of(value); }) {
      run_widest<UnaryLoop<Function, Codec>>(operand<T>(call, 0), static_cast<T*>(call.out), call.n);
    } else {
      run_widest<BinaryLoop<Function, Codec>>(operand<T>(call, 0), operand<T>(call, 1), static_cast<T*>(call.out),
                                              call.n);
    }
  });
}

// Runs the loop over one or two operands of one dtype, which gives truth values.
template <typename Function>
void run_test(const Call& call) {
  visit_codec(call.operand_dtypes.front(), [&call](auto codec) {
    using Codec = decltype(codec);
    using C = typename Codec::Compute;
    using T = typename Codec::Storage;
    auto* const out = static_cast<std::uint8_t*>(call.out);
    if constexpr (requires(C value) { Function::of(value); }) {
      run_widest<TestLoop<Function, Codec>>(operand<T>(call, 0), out, call.n);
    } else {
      run_widest<CompareLoop<Function, Codec>>(operand<T>(call, 0), operand<T>(call, 1), out, call.n);
    }
  });
}

}  // namespace brainsurgery::kernels::elementwise
