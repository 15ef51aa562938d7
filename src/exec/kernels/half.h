// float16 to float and back for whole blocks: by the processor's conversion instructions where it has them, which is
// four times as fast as the bit arithmetic of F16Codec, with the same results.
#pragma once

#include <cstdint>

namespace brainsurgery::kernels {

void widen_f16(const std::uint16_t* in, float* out, std::int64_t n);
void narrow_f16(const float* in, std::uint16_t* out, std::int64_t n);

}  // namespace brainsurgery::kernels
