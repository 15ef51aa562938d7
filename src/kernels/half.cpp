#include "kernels/half.h"

#include "kernels/element.h"

#if defined(__x86_64__)
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

// The conversions keep a NaN's payload; this replaces it by the one pattern.
[[BS_TARGET_AVX2]] __m256 canonical(__m256 values) {
  const __m256 is_nan = _mm256_cmp_ps(values, values, _CMP_UNORD_Q);
  return _mm256_blendv_ps(values, _mm256_set1_ps(std::numeric_limits<float>::quiet_NaN()), is_nan);
}

[[BS_TARGET_AVX2]] __m256 load(const std::uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}

[[BS_TARGET_AVX2]] void store(__m256 values, std::uint16_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(canonical(values), _MM_FROUND_TO_NEAREST_INT));
}

// Vectors of eight: those of AVX-512 are no faster here (docs/performance.md). All return how many elements they did;
// the rest is fewer than eight.
[[BS_TARGET_AVX2]] std::int64_t widen_vectors(const std::uint16_t* in, float* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, canonical(load(in + i)));
  return i;
}

[[BS_TARGET_AVX2]] std::int64_t narrow_vectors(const float* in, std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) store(_mm256_loadu_ps(in + i), out + i);
  return i;
}

[[BS_TARGET_AVX2]] std::int64_t binary_vectors(BinaryOp op, const std::uint16_t* a, const std::uint16_t* b,
                                               std::uint16_t* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 x = load(a + i), y = load(b + i);
    store(op == BinaryOp::add ? x + y : op == BinaryOp::subtract ? x - y : x * y, out + i);
  }
  return i;
}

[[BS_TARGET_AVX2]] std::int64_t scale_vectors(const std::uint16_t* in, float factor, std::uint16_t* out,
                                              std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) store(load(in + i) * factor, out + i);
  return i;
}

#else

std::int64_t widen_vectors(const std::uint16_t*, float*, std::int64_t) { return 0; }
std::int64_t narrow_vectors(const float*, std::uint16_t*, std::int64_t) { return 0; }
std::int64_t binary_vectors(BinaryOp, const std::uint16_t*, const std::uint16_t*, std::uint16_t*, std::int64_t) {
  return 0;
}
std::int64_t scale_vectors(const std::uint16_t*, float, std::uint16_t*, std::int64_t) { return 0; }

#endif

bool has_conversions() { return instruction_set() >= InstructionSet::avx2; }

}  // namespace

void widen_f16(const std::uint16_t* in, float* out, std::int64_t n) {
  const std::int64_t done = has_conversions() ? widen_vectors(in, out, n) : 0;
  run_widest<WidenLoop>(in + done, out + done, n - done);
}

void narrow_f16(const float* in, std::uint16_t* out, std::int64_t n) {
  const std::int64_t done = has_conversions() ? narrow_vectors(in, out, n) : 0;
  run_widest<NarrowLoop>(in + done, out + done, n - done);
}

std::int64_t binary_f16(BinaryOp op, const std::uint16_t* a, const std::uint16_t* b, std::uint16_t* out,
                        std::int64_t n) {
  return has_conversions() ? binary_vectors(op, a, b, out, n) : 0;
}

std::int64_t scale_f16(const std::uint16_t* in, float factor, std::uint16_t* out, std::int64_t n) {
  return has_conversions() ? scale_vectors(in, factor, out, n) : 0;
}

}  // namespace brainsurgery::kernels
