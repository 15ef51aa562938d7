// Lines: a reference (a text, or a list in YAML) as a pattern, another as its template, then names. What matches starts
// with the literal prefix, and no search over sorted names misses it.
#include <algorithm>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "plan/name_pattern.h"
#include "plan/yaml_tree.h"

using namespace brainsurgery;

namespace {

TensorRef reference(const std::string& text) {
  const YamlPtr node = as_structure(YamlNode::untyped({}, text));
  return parse_tensor_ref(*node, "copy.from", true);
}

void check_names(const NamePattern& pattern, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    MatchBudget budget;  // one for a name: what is slow is given up, which is no finding
    const bool matches = pattern.matches(name, budget);
    const std::optional<Captures> captures = pattern.match(name);
    REQUIRE(captures.has_value() == matches);
    if (matches) REQUIRE(name.starts_with(pattern.literal_prefix()));
    if (matches && pattern.is_literal()) REQUIRE(name == pattern.literal_prefix());
    const NamePattern::Next next = pattern.next(name);
    if (next.where == NamePattern::Next::Where::successor) continue;
    if (next.where == NamePattern::Next::Where::seek) REQUIRE(next.key > name);
    for (const std::string& other : names) {
      const bool skipped = other > name && (next.where == NamePattern::Next::Where::end || other < next.key);
      if (skipped) REQUIRE(!pattern.matches(other, budget));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines(1);
  for (const char c : fuzz::text_of(data, size)) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  std::vector<std::string> names(lines.begin() + std::min<std::ptrdiff_t>(2, std::ssize(lines)), lines.end());
  std::erase_if(names, [](const std::string& name) { return !is_valid_utf8(name); });  // readers refuse such names
  if (names.size() > 8) names.resize(8);
  try {
    const NamePattern pattern = NamePattern::compile(reference(lines[0]), "copy.from");
    check_names(pattern, names);
    const NameTemplate target = NameTemplate::compile(reference(lines.size() > 1 ? lines[1] : ""), pattern, "copy.to");
    for (const std::string& name : names) {
      if (const std::optional<Captures> captures = pattern.match(name)) (void)target.expand(*captures);
    }
  } catch (const Error& error) {
    fuzz::accept(error);
  }
  return 0;
}
