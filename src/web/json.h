// JSON of the server: keys stay in the order in which they were written.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace brainsurgery::web {

using Json = nlohmann::ordered_json;

// Text from files may be no UTF-8, which JSON must be: other bytes become U+FFFD.
[[nodiscard]] std::string text_of(const Json& json);

// A number as JSON has it, or "nan", "inf", "-inf".
[[nodiscard]] Json number_of(double value);

// A JSON object, at most kMaxDepth deep and with kMaxKeys keys in all. Throws Error(plan) for anything else.
inline constexpr int kMaxDepth = 64, kMaxKeys = 10'000;
[[nodiscard]] Json object_of(std::string_view text);

}  // namespace brainsurgery::web
