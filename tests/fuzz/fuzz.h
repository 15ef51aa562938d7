// What the fuzz targets share. A target is one file with a libFuzzer entry; it ends by abort() where a promise does not
// hold, and lets nothing out but what the code under test throws by mistake.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/error.h"
#include "plan/yaml_tree.h"

namespace brainsurgery::fuzz {

#define REQUIRE(condition)                                                                \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

inline std::shared_ptr<const SourceText> source(std::string text) {
  return std::make_shared<SourceText>(SourceText{"input", std::move(text)});
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A mistake of the input: it can be shown and is never taken for a bug of ours.
inline void accept(const Error& error) {
  REQUIRE(error.code() != ErrorCode::internal);
  REQUIRE(!error.diagnostics().empty());
  REQUIRE(!to_string(error).empty());
}

inline void accept(const Diagnostics& diagnostics) {
  for (const Diagnostic& item : diagnostics.items()) REQUIRE(!to_string(item).empty());
}

// Values that a walk visits, as far as `limit`: aliases can make a small text large.
inline std::size_t size_up_to(const YamlNode& node, std::size_t limit) {
  std::size_t size = 1;
  for (const YamlPtr& item : node.items()) {
    if (size < limit) size += size_up_to(*item, limit - size);
  }
  for (const auto& [key, value] : node.entries()) {
    if (size < limit) size += size_up_to(*value, limit - size);
  }
  return size;
}

// The parts of a text between lines that hold `separator` alone.
inline std::vector<std::string> parts_of(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line == separator) {
      if (!parts.back().empty()) parts.back().pop_back();
      parts.emplace_back();
    } else {
      parts.back() += line;
      if (end < text.size()) parts.back() += '\n';
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

}  // namespace brainsurgery::fuzz
