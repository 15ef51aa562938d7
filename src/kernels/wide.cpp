#include "kernels/wide.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace brainsurgery::kernels {
namespace {

constexpr std::array kSets{InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512};

#if defined(__x86_64__)

// Asked of the processor, since clang 14 has no name for it; AVX2 vouches for the operating system's part.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

InstructionSet widest_supported() {
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
                        __builtin_cpu_supports("fma") && has_f16c();
  if (!has_avx2) return InstructionSet::baseline;
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return has_avx512 ? InstructionSet::avx512 : InstructionSet::avx2;
}

#else

InstructionSet widest_supported() { return InstructionSet::baseline; }

#endif

InstructionSet widest_allowed() {
  const char* name = std::getenv("BRAINSURGERY_CPU_CAPABILITY");
  const auto* named = std::ranges::find(kSets, std::string_view(name == nullptr ? "" : name), to_string);
  return named == kSets.end() ? InstructionSet::avx512 : *named;
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet set = std::min(widest_supported(), widest_allowed());
  return set;
}

std::string_view to_string(InstructionSet set) {
  constexpr std::array<std::string_view, kSets.size()> kNames{"baseline", "avx2", "avx512"};
  return kNames[static_cast<std::size_t>(set)];
}

}  // namespace brainsurgery::kernels
