// Runs a loop compiled for the widest vector instructions that this processor has.
//
//   struct AddFloats {
//     BS_INLINE static void run(const float* a, const float* b, float* out, std::int64_t n) {
//       BS_NO_DEPENDENCE
//       for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] + b[i];
//     }
//   };
//   run_widest<AddFloats>(a, b, out, n);
//
// The loop is compiled once for every instruction set, by inlining it into functions that differ in their target only.
// The choice is a plain branch: no ifunc, whose resolvers run before a sanitizer is ready. Results do not depend on it,
// since nothing is contracted to fused multiply-add.
#pragma once

#include <cstdint>
#include <string_view>

#define BS_INLINE [[gnu::always_inline]] inline

// The next loop may be vectorised although the output may be one of the inputs (the same elements, never shifted ones).
#if defined(__GNUC__) && !defined(__clang__)
#define BS_NO_DEPENDENCE _Pragma("GCC ivdep")
#else
#define BS_NO_DEPENDENCE
#endif

// The next loop, of few rounds known at compile time, becomes straight code, so that a loop around it is vectorised.
#if defined(__clang__)
#define BS_UNROLL _Pragma("unroll")
#else
#define BS_UNROLL _Pragma("GCC unroll 16")
#endif

// The compiler's names of what instruction_set() looks for.
#define BS_TARGET_AVX2 gnu::target("avx2,bmi2,f16c")
#define BS_TARGET_AVX512 gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi2,f16c")

namespace brainsurgery::kernels {

enum class InstructionSet : std::uint8_t { baseline, avx2, avx512 };

// The widest that processor and operating system support, or less where the environment variable
// BRAINSURGERY_CPU_CAPABILITY names less.
[[nodiscard]] InstructionSet instruction_set();
[[nodiscard]] std::string_view to_string(InstructionSet set);

template <typename Loop, typename... Args>
[[gnu::noinline]] auto run_baseline(Args... args) {
  return Loop::run(args...);
}

#if defined(__x86_64__)

template <typename Loop, typename... Args>
[[gnu::noinline, BS_TARGET_AVX2]] auto run_avx2(Args... args) {
  return Loop::run(args...);
}

template <typename Loop, typename... Args>
[[gnu::noinline, BS_TARGET_AVX512]] auto run_avx512(Args... args) {
  return Loop::run(args...);
}

#endif

// Arguments go by value: a loop that stores bytes may otherwise be taken to overwrite them.
template <typename Loop, typename... Args>
auto run_widest(Args... args) {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return run_avx512<Loop>(args...);
    case InstructionSet::avx2:
      return run_avx2<Loop>(args...);
    case InstructionSet::baseline:
      break;
  }
#endif
  return run_baseline<Loop>(args...);
}

}  // namespace brainsurgery::kernels
