#include "plan/hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/ascii.h"
#include "base/spelling.h"
#include "base/text.h"
#include "brainsurgery/types.h"

namespace brainsurgery {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 12> kSources{"from",    "source",  "src", "tensor", "tensors", "name",
                                                    "pattern", "targets", "key", "input",  "target",  "of"};
constexpr std::array<std::string_view, 8> kDestinations{"to", "dest", "destination", "dst",
                                                        "as", "into", "output",      "new"};
constexpr std::array<std::string_view, 7> kLefts{"from_a", "left", "a", "lhs", "first", "x", "from"};
constexpr std::array<std::string_view, 8> kRights{"from_b", "right", "b", "rhs", "second", "y", "other", "to"};
constexpr std::array<std::string_view, 5> kFactors{"by", "factor", "scale", "alpha", "scalar"};
constexpr std::array<std::string_view, 3> kDimensions{"dim", "axis", "dimension"};
constexpr std::array<std::string_view, 4> kOrders{"order", "dims", "axes", "perm"};
constexpr std::array<std::string_view, 4> kShapes{"shape", "size", "sizes", "dims"};
constexpr std::array<std::string_view, 4> kPaths{"path", "file", "filename", "url"};
constexpr std::array<std::string_view, 4> kAliases{"alias", "model", "name", "prefix"};
constexpr std::array<std::string_view, 5> kTolerances{"eps", "atol", "tol", "tolerance", "epsilon"};
constexpr std::array<std::string_view, 4> kLowers{"min", "low", "lower", "at_least"};
constexpr std::array<std::string_view, 4> kUppers{"max", "high", "upper", "at_most"};
constexpr std::array<std::string_view, 4> kCounts{"is", "equals", "value", "expected"};
constexpr std::array<std::string_view, 5> kShards{"shard", "shard_size", "max_shard_size", "shards", "shard-size"};

// Words that tools use for one thing.
constexpr std::array<Words, 15> kKeys{kSources,    kDestinations, kLefts,  kRights, kFactors,
                                      kDimensions, kOrders,       kShapes, kPaths,  kAliases,
                                      kTolerances, kLowers,       kUppers, kCounts, kShards};

constexpr std::array<std::string_view, 5> kDTypeKeys{"dtype", "type", "to_dtype", "torch_dtype", "datatype"};

bool contains(Words words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

// `w[0:3]` and `model:w`, which lack a colon or two.
std::optional<std::string> meant_reference(std::string_view regex,
                                           const std::function<bool(const std::string& regex)>& matches) {
  const std::size_t bracket = regex.rfind('[');
  if (bracket != std::string_view::npos && regex.ends_with(']')) {
    const std::string_view inner = regex.substr(bracket + 1, regex.size() - bracket - 2);
    const std::string before(regex.substr(0, bracket));
    if (inner.find_first_not_of("0123456789:-, .") == std::string_view::npos && matches(before))
      return before + "::" + std::string(regex.substr(bracket));
  }
  const std::size_t colon = regex.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string behind(regex.substr(colon + 1));
  return matches(behind) ? std::optional(std::string(regex.substr(0, colon)) + "::" + behind) : std::nullopt;
}

}  // namespace

std::optional<std::string> regex_of_glob(std::string_view text) {
  constexpr std::string_view kOfRegexes = "\\()|+^$";
  if (text.find_first_of("*?") == std::string_view::npos || text.find_first_of(kOfRegexes) != std::string_view::npos)
    return std::nullopt;
  std::string regex;
  for (const char c : text) {
    if (c == '*') {
      if (!regex.ends_with(".*")) regex += ".*";
    } else if (c == '?') {
      regex += '.';
    } else if (c == '.' || c == '{' || c == '}') {
      regex += {'\\', c};
    } else {
      regex += c;
    }
  }
  return regex;
}

std::vector<std::string> glob_notes(std::string_view regex) {
  const std::optional<std::string> meant = regex_of_glob(regex);
  if (!meant) return {};
  return {fmt::format("patterns are regular expressions; the glob '{}' is written '{}'", regex, *meant)};
}

std::vector<std::string> unmatched_notes(std::string_view regex, std::vector<std::string> nearest,
                                         const std::function<bool(const std::string& regex)>& matches) {
  if (const std::optional<std::string> glob = regex_of_glob(regex); glob && matches(*glob)) return glob_notes(regex);
  if (regex.find("\\\\") != std::string_view::npos) {
    std::string once;
    for (std::size_t i = 0; i < regex.size(); ++i) {
      if (regex.substr(i).starts_with("\\\\")) ++i;
      once += regex[i];
    }
    if (matches(once))
      return {fmt::format("'\\\\' is a literal backslash; in single quotes this is written '{}'", once)};
  }
  if (const std::optional<std::string> reference = meant_reference(regex, matches))
    return {fmt::format("did you mean '{}'?", *reference)};
  if (!nearest.empty()) return nearest;
  for (const char* wider : {".*{}", "{}.*", ".*{}.*", ".*(?:{}).*"}) {
    const std::string pattern = fmt::format(fmt::runtime(wider), regex);
    if (matches(pattern)) return {fmt::format("a pattern must match the whole name, as '{}' does", pattern)};
  }
  return {};
}

std::vector<std::string> group_notes(const TensorRef& derived) {
  if (derived.structured) return {};
  const std::string& text = derived.expr;
  for (std::size_t i = text.find('$'); i != std::string::npos; i = text.find('$', i + 1)) {
    if (i + 1 < text.size() && is_digit(text[i + 1]))
      return {fmt::format("'${0}' is literal text; a group of the pattern is written '\\{0}'", text[i + 1])};
  }
  if (text.find('*') != std::string::npos)
    return {"'*' is literal text; repeat a part of the name by a group, as in from: 'h.(.*)', to: 'g.\\1'"};
  return {};
}

std::vector<std::string> step_notes(const std::string& word, std::span<const Schema> steps) {
  std::vector<std::string> names, notes;
  for (const Schema& step : steps) {
    names.push_back(step.name);
    if (std::ranges::find(step.elsewhere, word) != step.elsewhere.end())
      notes.push_back(fmt::format("did you mean '{}'?", step.name));
  }
  return notes.empty() ? did_you_mean(word, names) : notes;
}

std::optional<std::string> field_called(const Schema& schema, std::string_view key) {
  const auto first = [&](const auto& fits) -> std::optional<std::string> {
    const auto found = std::ranges::find_if(schema.fields, fits);
    return found == schema.fields.end() ? std::nullopt : std::optional((*found)->name);
  };
  const std::string word = ascii_lower(key);
  if (contains(kDTypeKeys, word)) {
    if (auto field = first([](const auto& each) { return is_scalar(*each->type, Scalar::dtype); })) return field;
  }
  for (const Words words : kKeys) {
    if (!contains(words, word)) continue;
    if (auto field = first([&](const auto& each) { return contains(words, each->name); })) return field;
  }
  return std::nullopt;
}

std::vector<std::string> section_notes(std::string_view key) {
  constexpr std::array<std::string_view, 5> kInputs{"model", "models", "checkpoint", "checkpoints", "source"};
  constexpr std::array<std::string_view, 6> kSteps{"steps", "operations", "ops", "edits", "actions", "tasks"};
  constexpr std::array<std::string_view, 5> kOutputs{"out", "save", "target", "destination", "write"};
  if (contains(kInputs, key)) return {"did you mean 'inputs'?"};
  if (contains(kSteps, key)) return {"did you mean 'transforms'?"};
  if (contains(kOutputs, key)) return {"did you mean 'output'?"};
  return {};
}

std::vector<std::string> dtypes_like(std::string_view word) {
  std::string lowered = ascii_lower(trim(word));
  if (constexpr std::string_view kModule = "torch."; lowered.starts_with(kModule)) lowered.erase(0, kModule.size());
  std::vector<std::string> by_name, by_part;
  const std::size_t digit = lowered.find_first_of("0123456789");
  if (digit != std::string::npos && (lowered.substr(0, digit) == "f" || lowered.substr(0, digit) == "fp"))
    lowered = "float" + lowered.substr(digit);
  for (const DTypeInfo& row : all_dtypes()) {
    if (!row.computes) continue;
    const std::string name = to_string(row.dtype);
    if (ascii_lower(row.name) == ascii_lower(trim(word)) || name == lowered) by_name.push_back(name);
    if (lowered.size() > 2 && name.find(lowered) != std::string::npos) by_part.push_back(name);
  }
  return by_name.empty() ? by_part : by_name;
}

std::string unescaped(std::string_view expr) {
  std::string text;
  for (std::size_t i = 0; i < expr.size(); ++i) {
    if (expr[i] == '\\' && i + 1 < expr.size()) ++i;
    text += expr[i];
  }
  return text;
}

}  // namespace brainsurgery
