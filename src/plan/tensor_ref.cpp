#include "brainsurgery/tensor_ref.h"
#include "plan/yaml_tree.h"

#include <fmt/format.h>

namespace brainsurgery {
namespace {

[[noreturn]] void fail(std::string_view field, const SourceSpan& span, std::string_view message,
                       std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, fmt::format("{}: {}", field, message), span, std::move(notes));
}

bool bracketed(std::string_view part) { return part.size() >= 2 && part.front() == '[' && part.back() == ']'; }

// Where a last part "::[...]" starts that holds "::" itself, as in x::[::2]. Only what can be nothing but a slice is
// taken, so that patterns are split as ever.
std::size_t double_colon_slice(std::string_view text) {
  if (!text.ends_with(']')) return std::string_view::npos;
  std::size_t open = text.rfind('[');
  if (open == std::string_view::npos || open < 2 || text.substr(open - 2, 2) != "::") return std::string_view::npos;
  std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  bool holds = inside.find("::") != std::string_view::npos;
  bool only_slice = inside.find_first_not_of("0123456789+-_:,. ") == std::string_view::npos;
  return holds && only_slice ? open - 2 : std::string_view::npos;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t slice = double_colon_slice(text);
  std::string_view head = text.substr(0, slice);
  while (true) {
    std::size_t at = head.find("::");
    parts.push_back(head.substr(0, at));
    if (at == std::string_view::npos) break;
    head.remove_prefix(at + 2);
  }
  if (slice != std::string_view::npos) parts.push_back(text.substr(slice + 2));
  return parts;
}

Slice slice_of(std::string_view part, const TensorRef& ref, std::string_view field) {
  if (!bracketed(part)) {
    fail(field, ref.span, fmt::format("the third part of '{}' must be a slice in brackets, not '{}'", ref.text, part));
  }
  try {
    return parse_slice(part);
  } catch (const Error& error) {
    std::string reason = error.diagnostics().empty() ? error.what() : error.diagnostics().front().message;
    fail(field, ref.span, fmt::format("{} in '{}'", reason, ref.text));
  }
}

TensorRef parse_list(const YamlNode& node, std::string_view field, bool has_default_alias) {
  TensorRef ref;
  ref.structured = true;
  ref.span = node.span();
  if (node.items().empty()) fail(field, ref.span, "empty reference: the list has no entries");
  for (const YamlPtr& item : node.items()) {
    if (!item->is_string()) {
      std::vector<std::string> notes;
      if (!item->text().empty()) notes.push_back(fmt::format("write '{}' in quotes", item->text()));
      fail(field, item->span(), fmt::format("list entries must be strings, not {}", item->describe()),
           std::move(notes));
    }
    if (item->text().empty()) fail(field, item->span(), "list entries must not be empty");
    ref.tokens.push_back(item->text());
  }
  ref.text = fmt::format("[{}]", fmt::join(ref.tokens, ", "));
  if (!has_default_alias) {
    fail(field, ref.span, fmt::format("the list {} cannot name an alias, and the plan has no default alias", ref.text),
         {"a plan has a default alias if it has exactly one input; elsewhere write 'alias::pattern'"});
  }
  return ref;
}

}  // namespace

TensorRef parse_tensor_ref(const YamlNode& node, std::string_view field, bool has_default_alias) {
  if (node.is_sequence()) return parse_list(node, field, has_default_alias);
  if (!node.is_string()) {
    fail(field, node.span(), fmt::format("a reference must be a string or a list of strings, not {}", node.describe()));
  }
  return parse_tensor_ref(node.text(), node.span(), field, has_default_alias);
}

TensorRef parse_tensor_ref(std::string_view text, const SourceSpan& span, std::string_view field,
                           bool has_default_alias) {
  TensorRef ref;
  ref.span = span;
  ref.text = text;
  if (text.empty()) fail(field, span, "empty reference");
  std::vector<std::string_view> parts = split(text);
  std::string_view alias;
  if (parts.size() == 1) {
    ref.expr = parts[0];
  } else if (parts.size() == 2 && has_default_alias && bracketed(parts[1])) {
    ref.expr = parts[0];
    ref.slice = slice_of(parts[1], ref, field);
  } else if (parts.size() == 2 || parts.size() == 3) {
    alias = parts[0];
    ref.expr = parts[1];
    if (parts.size() == 3) ref.slice = slice_of(parts[2], ref, field);
  } else {
    fail(field, span, fmt::format("too many '::' parts in '{}'; write alias::name or alias::name::[slice]", text));
  }
  if (!alias.empty()) ref.alias = alias;
  if (ref.expr.empty()) fail(field, span, fmt::format("empty reference: '{}' names no tensor", text));
  if (alias.empty() && !has_default_alias) {
    fail(field, span, fmt::format("'{}' does not name an alias, and the plan has no default alias", text),
         {"write alias::name; a plan has a default alias if it has exactly one input"});
  }
  return ref;
}

std::string to_string(const TensorRef& ref) {
  std::string result = ref.alias ? *ref.alias + "::" : "";
  result += ref.expr.empty() ? fmt::format("[{}]", fmt::join(ref.tokens, ", ")) : ref.expr;
  if (ref.slice) result += "::" + ref.slice->text;
  return result;
}

}  // namespace brainsurgery
