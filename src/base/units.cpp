#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/checked_math.h"
#include "base/text.h"

namespace brainsurgery {
namespace {

constexpr std::array<std::string_view, 5> kUnits{"b", "kb", "mb", "gb", "tb"};
constexpr std::array<std::string_view, 7> kShownUnits{"B", "KB", "MB", "GB", "TB", "PB", "EB"};

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{}) return std::nullopt;
  const std::string unit = ascii_lower(trim(text.substr(static_cast<std::size_t>(end - text.data()))));
  std::int64_t factor = 1;
  for (const std::string_view candidate : kUnits) {
    if (unit == candidate) return try_multiply(number, factor);
    factor *= 1024;
  }
  return std::nullopt;
}

std::string format_size(std::int64_t bytes) {
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.95 would be shown as 1024.0.
  while (std::abs(value) >= (unit == 0 ? 1024.0 : 1023.95) && unit + 1 < kShownUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kShownUnits[unit]);
}

std::string format_duration(double seconds) {
  if (seconds < 0.0995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace brainsurgery
