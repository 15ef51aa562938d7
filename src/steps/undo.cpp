#include "steps/undo.h"

#include <fmt/format.h>

#include "brainsurgery/error.h"

namespace brainsurgery {

YamlPtr written_field(const WrittenStep& written, std::string_view field) {
  YamlPtr value = written.payload.find_ptr(field);
  if (value == nullptr) cannot_undo(written, fmt::format("it has no '{}'", field));
  return value;
}

bool says_true(const WrittenStep& written, std::string_view field) {
  const YamlNode* value = written.payload.find(field);
  return value != nullptr && value->boolean();
}

std::vector<std::int64_t> written_integers(const YamlNode& list) {
  std::vector<std::int64_t> integers;
  for (const YamlPtr& item : list.items()) {
    const std::optional<std::int64_t> integer = item->integer();
    if (!integer) return {};
    integers.push_back(*integer);
  }
  return integers;
}

YamlPtr payload_of(const WrittenStep& written, const std::vector<std::pair<std::string, YamlPtr>>& fields) {
  YamlEntries entries;
  for (const auto& [name, value] : fields) {
    if (value != nullptr) entries.emplace_back(YamlNode::text(written.payload.span(), name), value);
  }
  return YamlNode::mapping(written.payload.span(), std::move(entries));
}

YamlPtr payload_with(const WrittenStep& written, std::string_view field, const YamlPtr& value) {
  YamlEntries entries = written.payload.entries();
  for (auto& [key, old] : entries) {
    if (key->text() == field) old = value;
  }
  return YamlNode::mapping(written.payload.span(), std::move(entries));
}

void cannot_undo(const WrittenStep& written, std::string reason) {
  throw Error(ErrorCode::plan, std::move(reason), written.payload.span());
}

}  // namespace brainsurgery
