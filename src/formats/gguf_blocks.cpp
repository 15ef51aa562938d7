// Decoders of GGUF's block types. Every one writes its elements in order; `d` and `m` are the scale and the offset of a
// block, `sc` the scale of a part of it. Products are taken in the order that gguf-py takes them, so that results agree
// to the last bit.
#include "formats/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <bit>

namespace brainsurgery {

namespace {

using Byte = std::uint8_t;

std::uint16_t load16(const Byte* in) { return static_cast<std::uint16_t>(in[0] | in[1] << 8); }

std::uint32_t load32(const Byte* in) { return load16(in) | static_cast<std::uint32_t>(load16(in + 2)) << 16; }

float float32(const Byte* in) { return std::bit_cast<float>(load32(in)); }

// IEEE 754 binary16. A subnormal half is its mantissa times 2^-24, which float32 holds exactly.
float float16(const Byte* in) {
  const std::uint32_t half = load16(in);
  const std::uint32_t sign = (half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 0x3FF;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 31 ? 255 : exponent + 127 - 15;
  return std::bit_cast<float>(sign | widened << 23 | mantissa << 13);
}

int signed8(Byte byte) { return static_cast<std::int8_t>(byte); }

// Calls use(i, q) with the 32 four-bit numbers of 16 bytes: first the low halves of all bytes, then the high ones.
template <typename Use>
void each_nibble(const Byte* in, Use use) {
  for (int i = 0; i < 16; ++i) {
    use(i, in[i] & 15);
    use(i + 16, in[i] >> 4);
  }
}

// --- Blocks of 32 with one scale ---

void decode_q4_0(const Byte* in, float* out) {
  const float d = float16(in);
  each_nibble(in + 2, [&](int i, int q) { out[i] = d * static_cast<float>(q - 8); });
}

void decode_q4_1(const Byte* in, float* out) {
  const float d = float16(in), m = float16(in + 2);
  each_nibble(in + 4, [&](int i, int q) { out[i] = d * static_cast<float>(q) + m; });
}

// Bit i of `high` is the fifth bit of element i.
int with_fifth_bit(int q, std::uint32_t high, int i) { return q | static_cast<int>(high >> i & 1) << 4; }

void decode_q5_0(const Byte* in, float* out) {
  const float d = float16(in);
  const std::uint32_t high = load32(in + 2);
  each_nibble(in + 6, [&](int i, int q) { out[i] = d * static_cast<float>(with_fifth_bit(q, high, i) - 16); });
}

void decode_q5_1(const Byte* in, float* out) {
  const float d = float16(in), m = float16(in + 2);
  const std::uint32_t high = load32(in + 4);
  each_nibble(in + 8, [&](int i, int q) { out[i] = d * static_cast<float>(with_fifth_bit(q, high, i)) + m; });
}

void decode_q8_0(const Byte* in, float* out) {
  const float d = float16(in);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(signed8(in[2 + i]));
}

// Two float32: the scale, and a sum that only dot products use.
void decode_q8_1(const Byte* in, float* out) {
  const float d = float32(in);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(signed8(in[8 + i]));
}

// --- "K" blocks of 256: parts of 16 or 32 with scales that are themselves multiples of the block's ---

// 16 parts of 16, each with a four-bit scale and offset; elements 32 j + i of each half are bits 2j, 2j+1 of byte i.
void decode_q2_k(const Byte* in, float* out) {
  const Byte *scales = in, *bits = in + 16;
  const float d = float16(in + 80), m = float16(in + 82);
  for (int part = 0; part < 16; ++part) {
    const float sc = d * static_cast<float>(scales[part] & 15), offset = m * static_cast<float>(scales[part] >> 4);
    const Byte* from = bits + part / 8 * 32 + part % 2 * 16;
    const int shift = part % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) *out++ = sc * static_cast<float>(from[i] >> shift & 3) - offset;
  }
}

// As Q2_K, with a third bit (clear: subtract 4), six-bit scales less 32 and no offsets. Scale p has its low four bits
// in half p / 8 of byte p % 8 and its high two in bits 2 (p / 4) of byte 8 + p % 4.
void decode_q3_k(const Byte* in, float* out) {
  const Byte *third = in, *bits = in + 32, *scales = in + 96;
  const float d = float16(in + 108);
  for (int part = 0; part < 16; ++part) {
    const int low = scales[part % 8] >> part / 8 * 4 & 15, high = scales[8 + part % 4] >> part / 4 * 2 & 3;
    const float sc = d * static_cast<float>((low | high << 4) - 32);
    const int column = part % 2 * 16;
    const Byte* from = bits + part / 8 * 32 + column;
    const int shift = part % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) {
      const int q = (from[i] >> shift & 3) - ((third[column + i] >> part / 2 & 1) != 0 ? 0 : 4);
      *out++ = sc * static_cast<float>(q);
    }
  }
}

// The six-bit scale and offset of part p of 8, packed into 12 bytes: those of parts 0 to 3 in the low bits of bytes p
// and p + 4; those of parts 4 to 7 in the halves of byte p + 4 and the top bits of bytes p - 4 and p.
struct PartScale {
  int scale, offset;
};

PartScale unpack_scale(const Byte* packed, int part) {
  if (part < 4) return {packed[part] & 63, packed[part + 4] & 63};
  return {(packed[part + 4] & 15) | packed[part - 4] >> 6 << 4, packed[part + 4] >> 4 | packed[part] >> 6 << 4};
}

// 8 parts of 32; parts 2j and 2j+1 are the low and the high halves of the same 32 bytes.
void decode_q4_k(const Byte* in, float* out) {
  const float d = float16(in), m = float16(in + 2);
  const Byte* bits = in + 16;
  for (int part = 0; part < 8; ++part) {
    const auto [scale, minimum] = unpack_scale(in + 4, part);
    const float sc = d * static_cast<float>(scale), offset = m * static_cast<float>(minimum);
    const Byte* from = bits + part / 2 * 32;
    for (int i = 0; i < 32; ++i) *out++ = sc * static_cast<float>(from[i] >> part % 2 * 4 & 15) - offset;
  }
}

// As Q4_K; the fifth bits of part p are bits p of 32 bytes.
void decode_q5_k(const Byte* in, float* out) {
  const float d = float16(in), m = float16(in + 2);
  const Byte *high = in + 16, *bits = in + 48;
  for (int part = 0; part < 8; ++part) {
    const auto [scale, minimum] = unpack_scale(in + 4, part);
    const float sc = d * static_cast<float>(scale), offset = m * static_cast<float>(minimum);
    const Byte* from = bits + part / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int q = (from[i] >> part % 2 * 4 & 15) | (high[i] >> part & 1) << 4;
      *out++ = sc * static_cast<float>(q) - offset;
    }
  }
}

// Two halves of four runs of 32: run r has its low bits in half r / 2 of 32 bytes (runs 0 and 2 the first, 1 and 3 the
// second) and its high two in bits 2r of 32 others; a signed scale for every 16.
void decode_q6_k(const Byte* in, float* out) {
  const float d = float16(in + 208);
  for (int half = 0; half < 2; ++half) {
    const Byte *low = in + half * 64, *high = in + 128 + half * 32, *scales = in + 192 + half * 8;
    for (int i = 0; i < 128; ++i) {
      const int run = i / 32, at = i % 32;
      const int q = (low[run % 2 * 32 + at] >> run / 2 * 4 & 15) | (high[at] >> run * 2 & 3) << 4;
      const float sc = d * static_cast<float>(signed8(scales[i / 16]));
      *out++ = sc * static_cast<float>(q - 32);
    }
  }
}

// The 16 sums at the end are for dot products.
void decode_q8_k(const Byte* in, float* out) {
  const float d = float32(in);
  for (int i = 0; i < 256; ++i) out[i] = d * static_cast<float>(signed8(in[4 + i]));
}

// --- Four bits that index a table ---

constexpr std::array<int, 16> kNonLinear = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void decode_iq4_nl(const Byte* in, float* out) {
  const float d = float16(in);
  each_nibble(in + 2, [&](int i, int q) { out[i] = d * static_cast<float>(kNonLinear[static_cast<std::size_t>(q)]); });
}

// 8 parts of 32 with six-bit scales less 32: high two bits in a 16-bit word, low four in halves of 4 bytes.
void decode_iq4_xs(const Byte* in, float* out) {
  const float d = float16(in);
  const unsigned high = load16(in + 2);
  for (int part = 0; part < 8; ++part) {
    const int low = in[4 + part / 2] >> part % 2 * 4 & 15;
    const float sc = d * static_cast<float>((low | static_cast<int>(high >> 2 * part & 3) << 4) - 32);
    float* to = out + part * 32;
    each_nibble(in + 8 + part * 16,
                [&](int i, int q) { to[i] = sc * static_cast<float>(kNonLinear[static_cast<std::size_t>(q)]); });
  }
}

// Four-bit floats (sign, two exponent bits, one mantissa bit; OCP MX 1.0), doubled to be integers.
constexpr std::array<int, 16> kTwiceE2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// Half of 2^(e - 127); the two least exponents give subnormal numbers.
float half_e8m0(Byte e) {
  const std::uint32_t bits = e < 2 ? 0x00200000U << e : static_cast<std::uint32_t>(e - 1) << 23;
  return std::bit_cast<float>(bits);
}

void decode_mxfp4(const Byte* in, float* out) {
  const float d = half_e8m0(in[0]);
  each_nibble(in + 1, [&](int i, int q) { out[i] = d * static_cast<float>(kTwiceE2M1[static_cast<std::size_t>(q)]); });
}

// Half of an unsigned E4M3 number (bias 7, the sign bit ignored); 0x7F is NaN there and counts as 0 here.
float half_ue4m3(Byte x) {
  if (x == 0x7F) return 0;
  const int exponent = x >> 3 & 15, mantissa = x & 7;
  const auto magnitude = static_cast<float>(exponent == 0 ? mantissa : mantissa + 8);
  const int power = std::max(exponent, 1) - 7 - 3 - 1;
  return magnitude * std::bit_cast<float>(static_cast<std::uint32_t>(power + 127) << 23);
}

// 4 parts of 16 with a scale each; a part has its low halves first.
void decode_nvfp4(const Byte* in, float* out) {
  for (int part = 0; part < 4; ++part) {
    const float d = half_ue4m3(in[part]);
    const Byte* from = in + 4 + part * 8;
    for (int i = 0; i < 16; ++i) {
      const auto q = static_cast<std::size_t>(from[i % 8] >> i / 8 * 4 & 15);
      *out++ = d * static_cast<float>(kTwiceE2M1[q]);
    }
  }
}

// --- Ternary: -1, 0 or 1 times the scale ---

// A byte holds the ternary fraction x / 256 = 0.t1 t2 t3 ...; digit n is the integer part of 3 * frac(3^(n-1) x / 256).
// Each run of `bytes` bytes gives their first digits, then their second ones and so on.
float* decode_ternary(const Byte* in, int bytes, int digits, float d, float* out) {
  constexpr std::array<unsigned, 5> kPowers = {1, 3, 9, 27, 81};
  for (int digit = 0; digit < digits; ++digit) {
    for (int i = 0; i < bytes; ++i) {
      const unsigned fraction = in[i] * kPowers[static_cast<std::size_t>(digit)] & 255;
      *out++ = d * static_cast<float>(static_cast<int>(fraction * 3 >> 8) - 1);
    }
  }
  return out;
}

void decode_tq1_0(const Byte* in, float* out) {
  const float d = float16(in + 52);
  out = decode_ternary(in, 32, 5, d, out);
  out = decode_ternary(in + 32, 16, 5, d, out);
  decode_ternary(in + 48, 4, 4, d, out);
}

void decode_tq2_0(const Byte* in, float* out) {
  const float d = float16(in + 64);
  for (int run = 0; run < 8; ++run) {
    const Byte* from = in + run / 4 * 32;
    for (int i = 0; i < 32; ++i) *out++ = d * static_cast<float>((from[i] >> run % 4 * 2 & 3) - 1);
  }
}

constexpr GgufType plain(std::uint32_t id, std::string_view name, int bytes, DType dtype) {
  return {id, name, 1, bytes, dtype, nullptr};
}

// Sources of the numbers: GGUF format notes, section 4. Those without a decoder index code books of hundreds of
// entries, or (Q1_0) have no reference decoder to agree with.
constexpr std::array kTypes = {
    plain(0, "F32", 4, DType::F32),
    plain(1, "F16", 2, DType::F16),
    GgufType{2, "Q4_0", 32, 18, {}, decode_q4_0},
    GgufType{3, "Q4_1", 32, 20, {}, decode_q4_1},
    GgufType{6, "Q5_0", 32, 22, {}, decode_q5_0},
    GgufType{7, "Q5_1", 32, 24, {}, decode_q5_1},
    GgufType{8, "Q8_0", 32, 34, {}, decode_q8_0},
    GgufType{9, "Q8_1", 32, 40, {}, decode_q8_1},
    GgufType{10, "Q2_K", 256, 84, {}, decode_q2_k},
    GgufType{11, "Q3_K", 256, 110, {}, decode_q3_k},
    GgufType{12, "Q4_K", 256, 144, {}, decode_q4_k},
    GgufType{13, "Q5_K", 256, 176, {}, decode_q5_k},
    GgufType{14, "Q6_K", 256, 210, {}, decode_q6_k},
    GgufType{15, "Q8_K", 256, 292, {}, decode_q8_k},
    GgufType{16, "IQ2_XXS", 256, 66, {}, nullptr},
    GgufType{17, "IQ2_XS", 256, 74, {}, nullptr},
    GgufType{18, "IQ3_XXS", 256, 98, {}, nullptr},
    GgufType{19, "IQ1_S", 256, 50, {}, nullptr},
    GgufType{20, "IQ4_NL", 32, 18, {}, decode_iq4_nl},
    GgufType{21, "IQ3_S", 256, 110, {}, nullptr},
    GgufType{22, "IQ2_S", 256, 82, {}, nullptr},
    GgufType{23, "IQ4_XS", 256, 136, {}, decode_iq4_xs},
    plain(24, "I8", 1, DType::I8),
    plain(25, "I16", 2, DType::I16),
    plain(26, "I32", 4, DType::I32),
    plain(27, "I64", 8, DType::I64),
    plain(28, "F64", 8, DType::F64),
    GgufType{29, "IQ1_M", 256, 56, {}, nullptr},
    plain(30, "BF16", 2, DType::BF16),
    GgufType{34, "TQ1_0", 256, 54, {}, decode_tq1_0},
    GgufType{35, "TQ2_0", 256, 66, {}, decode_tq2_0},
    GgufType{39, "MXFP4", 32, 17, {}, decode_mxfp4},
    GgufType{40, "NVFP4", 64, 36, {}, decode_nvfp4},
    GgufType{41, "Q1_0", 128, 18, {}, nullptr},
};

}  // namespace

std::span<const GgufType> all_gguf_types() { return kTypes; }

const GgufType* gguf_type(std::uint32_t id) {
  const auto* found = std::ranges::find(kTypes, id, &GgufType::id);
  return found == kTypes.end() ? nullptr : found;
}

const GgufType* gguf_type_named(std::string_view name) {
  const auto* found = std::ranges::find(kTypes, name, &GgufType::name);
  return found == kTypes.end() ? nullptr : found;
}

const GgufType* gguf_type_of(DType dtype) {
  const auto* found = std::ranges::find(kTypes, dtype, &GgufType::dtype);
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace brainsurgery
