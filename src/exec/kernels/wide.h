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
// The loop is compiled twice, for the baseline and for AVX2, by inlining it into two functions that differ in their
// target only. The choice is a plain branch: no ifunc, whose resolvers run before a sanitizer is ready. Results do not
// depend on it, since nothing is contracted to fused multiply-add.
#pragma once

#define BS_INLINE [[gnu::always_inline]] inline

// The next loop may be vectorised although the output may be one of the inputs (the same elements, never shifted ones).
#if defined(__GNUC__) && !defined(__clang__)
#define BS_NO_DEPENDENCE _Pragma("GCC ivdep")
#else
#define BS_NO_DEPENDENCE
#endif

namespace brainsurgery::kernels {

template <typename Loop, typename... Args>
[[gnu::noinline]] auto run_baseline(Args... args) {
  return Loop::run(args...);
}

#if defined(__x86_64__)

template <typename Loop, typename... Args>
[[gnu::noinline, gnu::target("avx2,bmi,bmi2,lzcnt")]] auto run_avx2(Args... args) {
  return Loop::run(args...);
}

// Arguments go by value: a loop that stores bytes may otherwise be taken to overwrite them.
template <typename Loop, typename... Args>
auto run_widest(Args... args) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
  return has_avx2 ? run_avx2<Loop>(args...) : run_baseline<Loop>(args...);
}

#else

template <typename Loop, typename... Args>
auto run_widest(Args... args) {
  return run_baseline<Loop>(args...);
}

#endif

}  // namespace brainsurgery::kernels
