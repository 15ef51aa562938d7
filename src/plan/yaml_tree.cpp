#include "plan/yaml_tree.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

namespace brainsurgery {
namespace {

template <typename Children, typename Get>
int depth_above(const Children& children, const SourceSpan& span, Get get) {
  int deepest = 0;
  for (const auto& child : children) deepest = std::max(deepest, get(child)->depth());
  if (deepest >= kMaxYamlDepth) {
    throw Error(ErrorCode::plan, fmt::format("values are nested more than {} levels deep", kMaxYamlDepth), span);
  }
  return deepest + 1;
}

}  // namespace

YamlNode::YamlNode(Passkey, SourceSpan span, YamlKind kind, Style style, int depth,
                   std::variant<Scalar, YamlItems, YamlEntries> content, std::shared_ptr<const Diagnostic> mistake)
    : source_(std::move(span.source)),
      line_(span.line),
      column_(span.column),
      length_(span.length),
      kind_(kind),
      style_(style),
      depth_(static_cast<std::int16_t>(depth)),
      content_(std::move(content)),
      mistake_(std::move(mistake)) {}

YamlPtr YamlNode::scalar(SourceSpan span, std::string text, YamlScalar value, bool quoted) {
  Scalar scalar{std::move(text), {}};
  if (value.kind == YamlKind::boolean) scalar.value = value.boolean;
  if (value.kind == YamlKind::floating) scalar.value = value.floating;
  if (value.kind == YamlKind::integer) {
    if (value.integer) {
      scalar.value = *value.integer;
    } else {
      scalar.value = value.floating;
    }
  }
  return std::make_shared<const YamlNode>(Passkey{}, std::move(span), value.kind, quoted ? Style::quoted : Style::plain,
                                          1, std::move(scalar));
}

YamlPtr YamlNode::null(SourceSpan span) { return scalar(std::move(span), "", {.kind = YamlKind::null}, false); }

YamlPtr YamlNode::plain(SourceSpan span, std::string text) {
  YamlScalar value = resolve_scalar(text);
  return scalar(std::move(span), std::move(text), value, false);
}

YamlPtr YamlNode::text(SourceSpan span, std::string text) { return scalar(std::move(span), std::move(text), {}, true); }

YamlPtr YamlNode::untyped(SourceSpan span, std::string text) {
  return std::make_shared<const YamlNode>(Passkey{}, std::move(span), YamlKind::string, Style::untyped, 1,
                                          Scalar{std::move(text), {}});
}

YamlPtr YamlNode::filled(SourceSpan span, std::string text) {
  return std::make_shared<const YamlNode>(Passkey{}, std::move(span), YamlKind::string, Style::filled, 1,
                                          Scalar{std::move(text), {}});
}

YamlPtr YamlNode::unexplained(const YamlNode& written, std::string text, std::shared_ptr<const Diagnostic> mistake) {
  const Style style = written.is_untyped() ? Style::untyped : Style::quoted;
  return std::make_shared<const YamlNode>(Passkey{}, written.span(), YamlKind::string, style, 1,
                                          Scalar{std::move(text), {}}, std::move(mistake));
}

YamlPtr YamlNode::sequence(SourceSpan span, YamlItems items) {
  int depth = depth_above(items, span, [](const YamlPtr& item) { return item.get(); });
  return std::make_shared<const YamlNode>(Passkey{}, std::move(span), YamlKind::sequence, Style::plain, depth,
                                          std::move(items));
}

YamlPtr YamlNode::mapping(SourceSpan span, YamlEntries entries) {
  int depth = depth_above(entries, span, [](const auto& entry) { return entry.second.get(); });
  return std::make_shared<const YamlNode>(Passkey{}, std::move(span), YamlKind::mapping, Style::plain, depth,
                                          std::move(entries));
}

const std::string& YamlNode::text() const {
  static const std::string kEmpty;
  const Scalar* scalar = std::get_if<Scalar>(&content_);
  return scalar != nullptr ? scalar->text : kEmpty;
}

bool YamlNode::boolean() const {
  const Scalar* scalar = std::get_if<Scalar>(&content_);
  const bool* value = scalar != nullptr ? std::get_if<bool>(&scalar->value) : nullptr;
  return value != nullptr && *value;
}

std::optional<std::int64_t> YamlNode::integer() const {
  const Scalar* scalar = std::get_if<Scalar>(&content_);
  const std::int64_t* value = scalar != nullptr ? std::get_if<std::int64_t>(&scalar->value) : nullptr;
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

double YamlNode::floating() const {
  const Scalar* scalar = std::get_if<Scalar>(&content_);
  if (scalar == nullptr) return 0;
  if (const double* value = std::get_if<double>(&scalar->value)) return *value;
  const std::int64_t* value = std::get_if<std::int64_t>(&scalar->value);
  return value != nullptr ? static_cast<double>(*value) : 0;
}

const YamlItems& YamlNode::items() const {
  static const YamlItems kNone;
  const YamlItems* items = std::get_if<YamlItems>(&content_);
  return items != nullptr ? *items : kNone;
}

const YamlEntries& YamlNode::entries() const {
  static const YamlEntries kNone;
  const YamlEntries* entries = std::get_if<YamlEntries>(&content_);
  return entries != nullptr ? *entries : kNone;
}

const YamlNode* YamlNode::find(std::string_view key) const { return find_ptr(key).get(); }

YamlPtr YamlNode::find_ptr(std::string_view key) const {
  for (const auto& [name, value] : entries()) {
    if (name->text() == key) return value;
  }
  return nullptr;
}

bool same_value(const YamlNode& a, const YamlNode& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case YamlKind::null:
      return true;
    case YamlKind::boolean:
      return a.boolean() == b.boolean();
    case YamlKind::integer:
      return a.integer() == b.integer() && a.floating() == b.floating();
    case YamlKind::floating:  // bits: zeros have a sign
      return std::bit_cast<std::uint64_t>(a.floating()) == std::bit_cast<std::uint64_t>(b.floating()) ||
             (std::isnan(a.floating()) && std::isnan(b.floating()));
    case YamlKind::string:
      return a.text() == b.text();
    case YamlKind::sequence:
      return std::ranges::equal(a.items(), b.items(),
                                [](const YamlPtr& x, const YamlPtr& y) { return same_value(*x, *y); });
    case YamlKind::mapping:
      return std::ranges::equal(a.entries(), b.entries(), [](const auto& x, const auto& y) {
        return x.first->text() == y.first->text() && same_value(*x.second, *y.second);
      });
  }
  return false;
}

std::string YamlNode::describe() const {
  constexpr std::size_t kShown = 60;
  std::string shown = text().size() <= kShown ? text() : text().substr(0, kShown) + "...";
  switch (kind_) {
    case YamlKind::null:
      return "null";
    case YamlKind::boolean:
      return "the boolean " + shown;
    case YamlKind::integer:
    case YamlKind::floating:
      return "the number " + shown;
    case YamlKind::string:
      return text().empty() ? "an empty string" : "the string '" + shown + "'";
    case YamlKind::sequence:
      return items().empty() ? "an empty list" : "a list";
    case YamlKind::mapping:
      return entries().empty() ? "an empty mapping" : "a mapping";
  }
  return "a value";
}

}  // namespace brainsurgery
