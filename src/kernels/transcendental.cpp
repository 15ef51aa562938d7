#include "kernels/transcendental.h"

#include <concepts>
#include <limits>

#include "brainsurgery/error.h"
#include "kernels/elementwise_loops.h"
#include "kernels/error_function.h"

namespace brainsurgery::kernels::elementwise {
namespace {

// A function of doubles, of narrower types too: what it is off by is then far below half a unit of their last place.
template <double (*kFunction)(double)>
struct InDouble {
  template <std::floating_point T>
  BS_INLINE static T of(T a) {
    return static_cast<T>(kFunction(static_cast<double>(a)));
  }
};

struct Log {
  BS_INLINE static double of(double a) { return transcendental::log(a); }
  BS_INLINE static float of(float a) {
    const auto wide = static_cast<double>(a);
    return static_cast<float>(transcendental::log_or_special(transcendental::quick_log(wide), wide));
  }
};

struct Pow {
  template <std::floating_point T>
  BS_INLINE static T of(T a, T b) {
    return static_cast<T>(transcendental::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  // Wraps.
  template <std::integral T>
  BS_INLINE static T of(T a, T b) {
    std::uint64_t power = 1, square = static_cast<std::uint64_t>(a);
    for (auto rest = static_cast<std::uint64_t>(b); rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) power *= square;
      square *= square;
    }
    return static_cast<T>(power);
  }
};

template <typename T>
struct AnyNegative {
  BS_INLINE static bool run(const T* values, std::int64_t n) {
    bool any = false;
    for (std::int64_t i = 0; i < n; ++i) any |= values[i] < 0;
    return any;
  }
};

void require_powers(const Call& call) {
  visit_codec(call.dtype, [&call](auto codec) {
    using T = typename decltype(codec)::Compute;
    if constexpr (std::signed_integral<T>) {
      if (run_widest<AnyNegative<T>>(operand<T>(call, 1), call.n))
        throw Error(ErrorCode::run, "an integer is raised to a negative power");
    }
  });
}

}  // namespace

void exp(const Call& call) { run<InDouble<transcendental::exp>, Domain::floats>(call); }
void exp2(const Call& call) { run<InDouble<transcendental::exp2>, Domain::floats>(call); }
void expm1(const Call& call) { run<InDouble<transcendental::expm1>, Domain::floats>(call); }
void log(const Call& call) { run<Log, Domain::floats>(call); }
void log2(const Call& call) { run<InDouble<transcendental::log2>, Domain::floats>(call); }
void log1p(const Call& call) { run<InDouble<transcendental::log1p>, Domain::floats>(call); }
void tanh(const Call& call) { run<InDouble<transcendental::tanh>, Domain::floats>(call); }
void sigmoid(const Call& call) { run<InDouble<transcendental::sigmoid>, Domain::floats>(call); }
void erf(const Call& call) { run<InDouble<transcendental::erf>, Domain::floats>(call); }

void pow(const Call& call) {
  require_powers(call);
  run<Pow, Domain::numbers>(call);
}

}  // namespace brainsurgery::kernels::elementwise
