// The names of an adapter's files in a directory of PEFT.
#pragma once

#include <string_view>

namespace brainsurgery {

inline constexpr std::string_view kAdapterConfigName = "adapter_config.json";
inline constexpr std::string_view kAdapterFileName = "adapter_model.safetensors";

}  // namespace brainsurgery
