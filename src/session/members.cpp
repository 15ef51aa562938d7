#include "session/members.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "plan/dotted_name.h"
#include "plan/modifiers.h"
#include "plan/structured_pattern.h"

namespace brainsurgery {
namespace {

const Field* members_field(const Schema& schema) {
  const auto found =
      std::ranges::find_if(schema.fields, [](const auto& field) { return field->role && field->role->members; });
  return found == schema.fields.end() ? nullptr : found->get();
}

// The alternatives of an expression that is nothing but words between bars; empty: it is more.
std::vector<std::string> alternatives_of(std::string_view regex) {
  std::vector<std::string> words(1);
  for (const char c : regex) {
    const bool in_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (c == '|') {
      words.emplace_back();
    } else if (in_word) {
      words.back() += c;
    } else {
      return {};
    }
  }
  const bool good = words.size() > 1 && std::ranges::none_of(words, &std::string::empty);
  return good ? words : std::vector<std::string>();
}

bool names_name(const YamlNode& node, std::string_view name) {
  if (node.is_string()) {
    try {
      const std::vector<std::string> names = names_in_template(node.text());
      return std::ranges::find(names, name) != names.end();
    } catch (const Error&) {
      return false;  // a regular expression with an empty segment
    }
  }
  return std::ranges::any_of(node.items(), [&](const YamlPtr& item) { return names_name(*item, name); });
}

// The only reference of a field of members; nullptr: there are several.
YamlPtr only_reference(const YamlPtr& value) {
  if (value->is_string()) return value;
  return value->is_sequence() && value->items().size() == 1 && value->items()[0]->is_string() ? value->items()[0]
                                                                                              : nullptr;
}

YamlPtr with_value(const YamlPtr& payload, const Field& field, const YamlPtr& value) {
  YamlEntries entries = payload->entries();
  for (auto& [key, old] : entries) {
    if (key->text() == field.name) old = value;
  }
  return YamlNode::mapping(payload->span(), std::move(entries));
}

YamlPtr written_for(const YamlPtr& reference, const std::string& name, const std::vector<std::string>& values) {
  YamlItems items;
  for (const std::string& value : values) {
    std::string text = with_name_replaced(reference->text(), name, value);
    const bool open = reference->mistake() != nullptr && text.find("${") != std::string::npos;
    items.push_back(open ? YamlNode::unexplained(*reference, std::move(text), reference->mistake())
                         : YamlNode::text(reference->span(), std::move(text)));
  }
  return YamlNode::sequence(reference->span(), std::move(items));
}

// {name: values}
YamlPtr written_over(const YamlPtr& payload, const Field& field, const YamlNode& over, const std::string& path) {
  const YamlPtr value = payload->find_ptr(field.name);
  const YamlPtr reference = value == nullptr ? nullptr : only_reference(value);
  const auto& [key, values] = over.entries().front();
  const auto fail = [&](const std::string& message) {
    throw Error(ErrorCode::plan, fmt::format("{}.over: {}", path, message), over.span());
  };
  if (over.entries().size() != 1) fail("one name counts the members, not several");
  if (reference == nullptr) fail(fmt::format("with values it takes one reference in '{}'", field.name));
  if (!names_name(*reference, key->text()))
    fail(fmt::format("'{}' does not occur in {}: '{}'", key->text(), field.name, reference->text()));
  std::vector<std::string> texts;
  for (const PlanValue& item : values_of(*values, path + ".over." + key->text())) texts.push_back(to_text(item));
  if (texts.empty()) fail("the list of values is empty");
  if (texts.size() > kMaxCombinations) fail(fmt::format("more than {} values", kMaxCombinations));
  return with_value(payload, field, written_for(reference, key->text(), texts));
}

// ${name:a|b|c}, where no other reference has the name.
YamlPtr written_alternatives(const YamlPtr& payload, const Schema& schema, const Field& field) {
  const YamlPtr value = payload->find_ptr(field.name);
  const YamlPtr reference = value == nullptr ? nullptr : only_reference(value);
  if (reference == nullptr || reference->mistake() == nullptr) return payload;
  for (const NamedPart& part : named_parts(reference->text())) {
    const std::vector<std::string> alternatives = alternatives_of(part.regex);
    const auto elsewhere = [&](const auto& entry) {
      const Field* other = schema.find(entry.first->text());
      return other != nullptr && other != &field && other->role && names_name(*entry.second, part.name);
    };
    if (alternatives.empty() || std::ranges::any_of(payload->entries(), elsewhere)) continue;
    return with_value(payload, field, written_for(reference, part.name, alternatives));
  }
  return payload;
}

// A reference behind the first of a list that is filled in from the first one's match: it refers to what that captures.
std::optional<NameTemplate> template_of(const TensorRef& ref, const NamePattern& lead, const std::string& where) {
  if (lead.capture_count() == 0) return std::nullopt;
  if (ref.structured != lead.structured()) return std::nullopt;
  TensorRef as_template = ref;
  try {
    if (ref.structured && !ref.expr.empty()) as_template.tokens = dotted_template_entries(ref.expr, true);
    NameTemplate compiled = NameTemplate::compile(as_template, lead, where);
    return compiled.is_constant() ? std::nullopt : std::optional(std::move(compiled));
  } catch (const Error&) {
    return std::nullopt;  // a pattern of its own
  }
}

// The only name of a template that the pattern does not capture.
std::string counted_name(const TensorRef& ref, const NamePattern& lead, const std::string& where) {
  std::vector<std::string> names =
      names_in_template(ref.structured ? fmt::format("{}", fmt::join(ref.tokens, ".")) : ref.expr);
  const std::vector<std::string> captured = lead.capture_names();
  std::erase_if(names, [&](const std::string& name) { return std::ranges::find(captured, name) != captured.end(); });
  if (names.size() > 1) {
    throw Error(ErrorCode::plan, fmt::format("{}: one name counts the parts, not {}", where, fmt::join(names, " and ")),
                ref.span);
  }
  return names.empty() ? "" : names.front();
}

bool is_derived(const PreparedRef& ref) { return ref.expansion && !ref.expansion->is_constant(); }

// A result with a name of its own for each match, of a step that joins or cuts.
bool is_result(const PreparedRef& ref) {
  return ref.role.names == Role::Names::derived_or_literal && (is_derived(ref) || !ref.counted.empty());
}

// The capture that tells the members of a group apart: the only one that no result is named by.
std::size_t member_capture(const std::vector<PreparedRef>& refs, const std::string& counted) {
  const PreparedRef& lead = refs.front();
  std::vector<std::size_t> free;
  for (std::size_t i = 1; i <= lead.pattern->capture_count(); ++i) {
    const auto uses = [i](const PreparedRef& ref) { return ref.expansion && ref.expansion->uses(i); };
    if (std::ranges::none_of(refs, uses)) free.push_back(i);
  }
  const auto fail = [&lead](const std::string& message, std::vector<std::string> notes = {}) {
    throw Error(ErrorCode::plan, fmt::format("{}: {}", lead.where, message), lead.ref->span, std::move(notes));
  };
  if (!counted.empty()) {
    for (const auto& [name, place] : lead.pattern->named_captures()) {
      if (name == counted && std::ranges::find(free, place) != free.end() && free.size() == 1) return place;
    }
    if (free.size() < 2) fail(fmt::format("'{}' does not count what is joined: it is not captured, or a result has it", counted));
  }
  if (free.empty()) {
    fail(fmt::format("'{}' captures nothing that counts the tensors to join", lead.ref->text),
         {"a capture that the result's name does not have counts them, as $e in 'x.$e.w'; or write a list"});
  }
  if (free.size() > 1)
    fail(fmt::format("{} captures are missing in the result's name; one of them can count the members", free.size()));
  return free.front();
}

PreparedRef prepared_ref(const Field& field, const FieldReference& found, const void* spec, const std::string& path,
                         const std::optional<std::string>& default_alias, const std::vector<PreparedRef>& before) {
  PreparedRef ref;
  ref.ref = found.ref;
  ref.field = &field;
  ref.role = found.role.value_or(field.role_in(spec));
  ref.alias = found.ref->alias                            ? *found.ref->alias
              : ref.role.alias_of_first && !before.empty() ? before.front().alias
                                                           : default_alias.value_or("");
  ref.where = fmt::format("{}.{}{}", path, field.name, found.within);
  ref.single = ref.role.single;
  const NamePattern* lead = before.empty() || !before.front().pattern ? nullptr : &*before.front().pattern;
  switch (ref.role.names) {
    case Role::Names::pattern:
      if (ref.role.members && lead != nullptr) ref.expansion = template_of(*found.ref, *lead, ref.where);
      if (!ref.expansion) ref.pattern = NamePattern::compile(*found.ref, ref.where);
      break;
    case Role::Names::derived:
      ref.expansion = NameTemplate::compile(*found.ref, *lead, ref.where);
      break;
    case Role::Names::derived_or_literal:
      if (ref.role.members) ref.counted = counted_name(*found.ref, *lead, ref.where);
      if (ref.counted.empty() && lead->capture_count() > 0)
        ref.expansion = NameTemplate::compile(*found.ref, *lead, ref.where);
      break;
    case Role::Names::literal:
      break;
  }
  return ref;
}

}  // namespace

WrittenMembers written_members(const YamlPtr& payload, const YamlPtr& over, const Schema& schema) {
  const Field* field = members_field(schema);
  if (field == nullptr || !payload->is_mapping()) {
    if (over != nullptr) {
      throw Error(ErrorCode::plan, fmt::format("{} takes no 'over'; it is for steps that join or cut tensors", schema.name),
                  over->span());
    }
    return {payload, ""};
  }
  if (over == nullptr) return {written_alternatives(payload, schema, *field), ""};
  if (over->is_mapping() && !over->entries().empty()) return {written_over(payload, *field, *over, schema.name), ""};
  if (over->is_string() && is_variable_name(over->text())) return {payload, over->text()};
  throw Error(ErrorCode::plan, fmt::format("{}.over: expected a name, or a name with its values, found {}", schema.name,
                                           over->describe()),
              over->span());
}

bool counts_results(const YamlNode& payload, const Schema& schema, std::string_view name) {
  const Field* field = members_field(schema);
  const YamlNode* value = field == nullptr || !field->role->writes ? nullptr : payload.find(field->name);
  if (value == nullptr || !names_name(*value, name)) return false;
  return std::ranges::none_of(payload.entries(), [&](const auto& entry) {
    return entry.first->text() != field->name && names_name(*entry.second, name);
  });
}

void prepare_refs(const Schema& schema, const std::optional<std::string>& default_alias, const std::string& counted,
                  StepPart& part) {
  std::vector<PreparedRef>& refs = part.refs;
  std::size_t joined = 0;
  for (const auto& field : schema.fields) {
    if (!field->role) continue;
    const std::vector<FieldReference> found = field->references(part.spec.get());
    const bool reads = field->role_in(part.spec.get()).reads;
    for (const FieldReference& reference : found) {
      refs.push_back(prepared_ref(*field, reference, part.spec.get(), schema.name, default_alias, refs));
      if (reads) refs.back().operand = part.operand_fields;
      if (reads && refs.back().role.members) ++joined;
    }
    if (reads) ++part.operand_fields;
  }
  if (refs.empty()) return;
  if (joined == 1) {
    part.member = member_capture(refs, counted);
    refs.front().single = false;
  } else if (refs.front().pattern && refs.front().pattern->capture_count() > 0 && std::ranges::any_of(refs, is_result)) {
    refs.front().single = false;  // a row for each match
  }
}

}  // namespace brainsurgery
