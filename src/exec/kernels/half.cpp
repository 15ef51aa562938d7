#include "exec/kernels/half.h"

#include "exec/kernels/element.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace brainsurgery::kernels {
namespace {

struct WidenLoop {
  BS_INLINE static void run(const std::uint16_t* in, float* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = NativeCodec<float>::encode(F16Codec::decode(in[i]));
  }
};

struct NarrowLoop {
  BS_INLINE static void run(const float* in, std::uint16_t* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = F16Codec::encode(in[i]);
  }
};

#if defined(__x86_64__)

// AVX2 vouches for the operating system's part; F16C itself is asked of the processor, since clang 14 has no name for
// it.
bool detect_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

bool has_f16c() {
  static const bool has = detect_f16c();
  return has;
}

// The instructions keep a NaN's payload; the blend replaces it by the one pattern.
[[gnu::target("avx2,f16c")]] __m256 canonical(__m256 values) {
  const __m256 is_nan = _mm256_cmp_ps(values, values, _CMP_UNORD_Q);
  return _mm256_blendv_ps(values, _mm256_set1_ps(std::numeric_limits<float>::quiet_NaN()), is_nan);
}

// Both return how many elements they did; the rest is fewer than eight.
[[gnu::target("avx2,f16c")]] std::int64_t widen_f16c(const std::uint16_t* in, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i stored = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    _mm256_storeu_ps(out + i, canonical(_mm256_cvtph_ps(stored)));
  }
  return i;
}

[[gnu::target("avx2,f16c")]] std::int64_t narrow_f16c(const float* in, std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i stored = _mm256_cvtps_ph(canonical(_mm256_loadu_ps(in + i)), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), stored);
  }
  return i;
}

#else

bool has_f16c() { return false; }
std::int64_t widen_f16c(const std::uint16_t*, float*, std::int64_t) { return 0; }
std::int64_t narrow_f16c(const float*, std::uint16_t*, std::int64_t) { return 0; }

#endif

}  // namespace

void widen_f16(const std::uint16_t* in, float* out, std::int64_t n) {
  const std::int64_t done = has_f16c() ? widen_f16c(in, out, n) : 0;
  run_widest<WidenLoop>(in + done, out + done, n - done);
}

void narrow_f16(const float* in, std::uint16_t* out, std::int64_t n) {
  const std::int64_t done = has_f16c() ? narrow_f16c(in, out, n) : 0;
  run_widest<NarrowLoop>(in + done, out + done, n - done);
}

}  // namespace brainsurgery::kernels
