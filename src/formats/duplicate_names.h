// Finds a name that stands twice in a list from a stranger. No hash table: names made to collide must not cost time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace brainsurgery {

// Two positions with equal names, the smaller one first; nullopt if all names differ. Takes n log n steps whatever the
// names.
[[nodiscard]] std::optional<std::pair<std::size_t, std::size_t>> find_duplicate(
    std::span<const std::string_view> names);

}  // namespace brainsurgery
