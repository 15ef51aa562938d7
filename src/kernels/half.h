// float16 by the processor's conversion instructions where it has them, which is several times as fast as the bit
// arithmetic of F16Codec, with the same results.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace brainsurgery::kernels {

void widen_f16(const std::uint16_t* in, float* out, std::int64_t n);
void narrow_f16(const float* in, std::uint16_t* out, std::int64_t n);

// Do the first elements of what binary() and scale() do, and return how many: all but a few, or none.
std::int64_t binary_f16(BinaryOp op, const std::uint16_t* a, const std::uint16_t* b, std::uint16_t* out,
                        std::int64_t n);
std::int64_t scale_f16(const std::uint16_t* in, float factor, std::uint16_t* out, std::int64_t n);

}  // namespace brainsurgery::kernels
