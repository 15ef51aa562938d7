#include "merging/module_names.h"

#include <algorithm>

#include "base/spelling.h"

namespace brainsurgery::merging {
namespace {

std::string flattened(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

}  // namespace

ModuleNames::ModuleNames(std::span<const FoundTensor> tensors) {
  for (const FoundTensor& tensor : tensors) {
    const std::size_t point = tensor.name.rfind('.');
    if (point == std::string::npos) continue;
    const std::string module = tensor.name.substr(0, point);
    flat_.emplace(flattened(module), module);
    dotted_.emplace(module, module);
  }
}

std::string ModuleNames::renamed(const std::string& name, const NameRule& rule) {
  return name.starts_with(rule.dropped) ? rule.added + name.substr(rule.dropped.size()) : name;
}

std::optional<std::string> ModuleNames::find(const std::string& name, const NameRule& rule) const {
  const Modules& known = modules(rule.is_flat);
  const auto found = known.find(renamed(name, rule));
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

// By which the name is that of a module: the plainest first.
std::vector<NameRule> ModuleNames::candidates(const std::string& name, bool is_flat) const {
  constexpr std::size_t kMost = 64;
  const char separator = is_flat ? '_' : '.';
  const Modules& known = modules(is_flat);
  std::vector<NameRule> rules;
  if (known.contains(name)) rules.push_back({"", "", is_flat});
  std::vector<std::size_t> begins{0};
  for (std::size_t at = name.find(separator); at != std::string::npos; at = name.find(separator, at + 1))
    begins.push_back(at + 1);
  for (const std::size_t begin : begins) {
    if (begin > 0 && known.contains(name.substr(begin))) rules.push_back({name.substr(0, begin), "", is_flat});
  }
  for (const std::size_t begin : begins) {
    const std::string tail = separator + name.substr(begin);
    if (begin > 0 && begin == begins.back()) break;  // one word is in every layer
    for (const auto& [spelt, module] : known) {
      if (rules.size() < kMost && spelt.ends_with(tail))
        rules.push_back({name.substr(0, begin), spelt.substr(0, spelt.size() - tail.size() + 1), is_flat});
    }
  }
  return rules;
}

NameRule ModuleNames::rule_for(std::span<const std::string> names, bool is_flat) const {
  NameRule best{"", "", is_flat};
  std::ptrdiff_t most = 0;
  constexpr std::size_t kTried = 64;  // names of which none may be the model's
  for (const std::string& name : names.first(std::min(names.size(), kTried))) {
    for (const NameRule& rule : candidates(name, is_flat)) {
      const auto count = std::ranges::count_if(names, [&](const std::string& each) { return find(each, rule).has_value(); });
      if (count <= most) continue;
      most = count;
      best = rule;
    }
    if (most > 0) break;
  }
  return best;
}

std::vector<std::string> ModuleNames::near(const std::string& name, const NameRule& rule) const {
  NearestNames nearest(renamed(name, rule), 3);
  for (const auto& [spelt, module] : modules(rule.is_flat)) nearest.offer(spelt);
  std::vector<std::string> result;
  for (const std::string& spelt : nearest.result()) result.push_back(modules(rule.is_flat).at(spelt));
  return result;
}

}  // namespace brainsurgery::merging
