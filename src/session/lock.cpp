#include "session/lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/sha256.h"
#include "brainsurgery/error.h"
#include "plan/yaml_printer.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxLockBytes = std::int64_t{64} << 20;

YamlPtr text(const std::string& value) { return YamlNode::text({}, value); }

YamlPtr contents_to_yaml(const char* key, const std::vector<Lock::Content>& contents) {
  YamlItems items;
  for (const Lock::Content& content : contents) {
    items.push_back(YamlNode::mapping(
        {}, {{text(key), text(content.name)}, {text("digest"), text(content.digest)}}));
  }
  return YamlNode::sequence({}, std::move(items));
}

class LockReader {
 public:
  LockReader(const YamlNode& root, std::string path) : root_(root), path_(std::move(path)) {}

  Lock read() const {
    if (!root_.is_mapping()) refuse("it is no mapping");
    Lock lock;
    lock.program = text_of(root_, "brainsurgery");
    lock.inputs = contents("inputs", "alias");
    lock.outputs = contents("outputs", "path");
    lock.plan = root_.find_ptr("plan");
    if (lock.plan == nullptr) refuse("'plan' is missing");
    return lock;
  }

 private:
  [[noreturn]] void refuse(const std::string& problem) const {
    throw Error(ErrorCode::plan, fmt::format("'{}' is no lock: {}", path_, problem), {},
                {"brainsurgery run PLAN --lock FILE writes one"});
  }

  std::string text_of(const YamlNode& mapping, const char* key) const {
    const YamlNode* value = mapping.is_mapping() ? mapping.find(key) : nullptr;
    if (value == nullptr || value->text().empty()) refuse(fmt::format("'{}' is missing", key));
    return value->text();
  }

  std::vector<Lock::Content> contents(const char* section, const char* key) const {
    const YamlNode* list = root_.find(section);
    if (list == nullptr || !list->is_sequence()) refuse(fmt::format("a list '{}' is missing", section));
    std::vector<Lock::Content> result;
    for (const YamlPtr& item : list->items()) {
      result.push_back({text_of(*item, key), text_of(*item, "digest")});
      if (!is_digest(result.back().digest)) refuse(fmt::format("'{}' is no digest", result.back().digest));
    }
    return result;
  }

  const YamlNode& root_;
  const std::string path_;
};

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

const std::string* Lock::digest_of(const std::vector<Content>& contents, const std::string& name) {
  const auto found = std::ranges::find(contents, name, &Content::name);
  return found == contents.end() ? nullptr : &found->digest;
}

std::string to_text(const Lock& lock) {
  const YamlPtr root = YamlNode::mapping({}, {{text("brainsurgery"), text(lock.program)},
                                              {text("inputs"), contents_to_yaml("alias", lock.inputs)},
                                              {text("outputs"), contents_to_yaml("path", lock.outputs)},
                                              {text("plan"), lock.plan}});
  return "# Written by brainsurgery run --lock; run --locked holds a run to it.\n" + print_yaml(*root);
}

Lock read_lock(Env& env, const std::string& path) {
  const auto source = std::make_shared<SourceText>(SourceText{path, env.read_text(path, kMaxLockBytes)});
  Diagnostics diagnostics;
  const YamlPtr root = parse_yaml(source, diagnostics);
  diagnostics.throw_if_errors();
  return LockReader(*root, path).read();
}

void require_same_plan(const YamlNode& plan, const Lock& lock, const std::string& path) {
  const std::string now_text = print_yaml(plan), locked_text = print_yaml(*lock.plan);
  if (now_text == locked_text) return;
  std::string_view now = now_text, locked = locked_text;
  std::string_view line = next_line(now), before = next_line(locked);
  while (line == before) {
    line = next_line(now);
    before = next_line(locked);
  }
  throw Error(ErrorCode::assertion, fmt::format("the plan is not the one that '{}' was written for", path), {},
              {fmt::format("it says  {}", line), fmt::format("locked   {}", before)});
}

}  // namespace brainsurgery
