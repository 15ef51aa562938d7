#include "documents/document.h"

#include <algorithm>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// Whether one of the keys leads through the other.
bool is_within(std::string_view inner, std::string_view outer) {
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '.');
}

}  // namespace

void Document::set(const JsonPath& path, JsonValue value, bool derived) {
  const JsonValue* old = find_at(root, path);
  std::string before = old == nullptr ? "" : shown(*old);
  const bool is_same = old != nullptr && to_text(*old) == to_text(value);
  std::string after = shown(value);
  if (!is_same) set_at(root, path, std::move(value));
  // A step that sets what is there already says that it is to stay.
  if (!is_same || !derived) changes.push_back({name, to_string(path), std::move(before), std::move(after), derived});
}

bool Document::erase(const JsonPath& path, bool derived) {
  const JsonValue* old = find_at(root, path);
  if (old == nullptr) return false;
  changes.push_back({name, to_string(path), shown(*old), "", derived});
  return erase_at(root, path);
}

bool Document::was_edited(const JsonPath& path) const {
  const std::string key = to_string(path);
  return std::ranges::any_of(changes, [&key](const DocumentChange& change) {
    return !change.derived && (is_within(key, change.key) || is_within(change.key, key));
  });
}

Document parse_document(std::string name, std::string_view text, const std::string& shown) {
  Document document{std::move(name), parse_json(text, shown)};
  if (document.root.kind != JsonValue::Kind::object)
    throw Error(ErrorCode::run, shown + ": expected an object at the top");
  return document;
}

}  // namespace brainsurgery
