// A document of a model that was edited, with what was changed in it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/events.h"
#include "documents/json_value.h"

namespace brainsurgery {

inline constexpr std::string_view kConfigName = "config.json";

struct Document {
  std::string name;
  JsonValue root;
  std::vector<DocumentChange> changes = {};

  // Both record what they change. As set_at and erase_at; a value that is there already is not set. `derived`: see
  // DocumentChange.
  void set(const JsonPath& path, JsonValue value, bool derived = false);
  bool erase(const JsonPath& path, bool derived = false);
  // Whether a step set or deleted the value there, what it is part of, or a part of it.
  [[nodiscard]] bool was_edited(const JsonPath& path) const;
};

// By name. A value: documents are shared and never changed.
using Documents = std::map<std::string, std::shared_ptr<const Document>>;

// Parses the text of a document; the root must be an object. Throws Error(run) that begins with `shown`.
[[nodiscard]] Document parse_document(std::string name, std::string_view text, const std::string& shown);

}  // namespace brainsurgery
