// Whether the first bytes of a file are a format's magic number: what probes ask.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

namespace brainsurgery {

[[nodiscard]] inline bool begins_with(std::span<const std::byte> head, std::string_view magic) {
  return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
}

}  // namespace brainsurgery
