// YAML text as an immutable tree of our own, every node with its place. The only user of yaml-cpp.
//
//   YamlPtr root = parse_yaml(source, diagnostics);          // nullptr after errors
//   if (const YamlNode* inputs = root->find("inputs")) ...
//   YamlPtr value = YamlNode::text(span, "added later");      // trees can also be built by hand
//   YamlPtr given = YamlNode::untyped(span, "[2, 3]");        // a text, or a list where its field takes one
//
// Nodes never change and may be shared between threads. Aliases share the node that they name, so a tree is a graph
// without cycles; what a walk over it visits is bounded (kMaxYamlDepth levels; one million nodes by way of aliases).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "brainsurgery/error.h"
#include "plan/yaml_scalars.h"

namespace brainsurgery {

class YamlNode;
using YamlPtr = std::shared_ptr<const YamlNode>;
using YamlItems = std::vector<YamlPtr>;
using YamlEntries = std::vector<std::pair<YamlPtr, YamlPtr>>;  // keys are scalars, never null

// Levels of nesting that a tree may have: recursion over a tree needs no other guard.
inline constexpr int kMaxYamlDepth = 200;

class YamlNode : public std::enable_shared_from_this<YamlNode> {
 public:
  // Builders. Those of lists and mappings throw Error(plan) beyond kMaxYamlDepth. `plain` resolves a scalar as if it
  // stood unquoted in a file; `text` is a string whatever it looks like; `untyped` is a string until the field is known
  // that it is for, and parse_untyped() reads it for fields of other types.
  [[nodiscard]] static YamlPtr null(SourceSpan span);
  [[nodiscard]] static YamlPtr plain(SourceSpan span, std::string text);
  [[nodiscard]] static YamlPtr text(SourceSpan span, std::string text);
  [[nodiscard]] static YamlPtr untyped(SourceSpan span, std::string text);
  // A text that was unexplained and has its values now.
  [[nodiscard]] static YamlPtr filled(SourceSpan span, std::string text);
  // A text, untyped or not, with a name in ${...} that the plan does not explain: a mistake, unless the field that takes
  // the text has a meaning for the name.
  [[nodiscard]] static YamlPtr unexplained(const YamlNode& written, std::string text,
                                           std::shared_ptr<const Diagnostic> mistake);
  [[nodiscard]] static YamlPtr scalar(SourceSpan span, std::string text, YamlScalar value, bool quoted);
  [[nodiscard]] static YamlPtr sequence(SourceSpan span, YamlItems items);
  [[nodiscard]] static YamlPtr mapping(SourceSpan span, YamlEntries entries);

  [[nodiscard]] YamlKind kind() const { return kind_; }
  [[nodiscard]] bool is(YamlKind kind) const { return kind_ == kind; }
  [[nodiscard]] bool is_null() const { return kind_ == YamlKind::null; }
  [[nodiscard]] bool is_string() const { return kind_ == YamlKind::string; }
  [[nodiscard]] bool is_sequence() const { return kind_ == YamlKind::sequence; }
  [[nodiscard]] bool is_mapping() const { return kind_ == YamlKind::mapping; }
  [[nodiscard]] bool is_number() const { return kind_ == YamlKind::integer || kind_ == YamlKind::floating; }

  // Where the node starts. A value that was left out stands at its key, a list entry at its dash.
  [[nodiscard]] SourceSpan span() const { return {source_, line_, column_, length_}; }
  // Scalars: quotes and escapes removed, otherwise as written ("0x10", "Yes"); empty for lists and mappings.
  [[nodiscard]] const std::string& text() const;
  // Written in quotes or as a block (| or >): kind() is then string.
  [[nodiscard]] bool quoted() const { return style_ != Style::plain; }
  // Came from an argument or from the environment, which know no types. kind() is string.
  [[nodiscard]] bool is_untyped() const { return style_ == Style::untyped; }
  // Whether the names of `each`, of models or of captures were put in: for patterns that are dotted as they are written.
  [[nodiscard]] bool is_filled() const { return style_ == Style::filled; }
  // nullptr: the node holds no name that nobody explains.
  [[nodiscard]] const std::shared_ptr<const Diagnostic>& mistake() const { return mistake_; }
  [[nodiscard]] bool boolean() const;                         // YamlKind::boolean, else false
  [[nodiscard]] std::optional<std::int64_t> integer() const;  // YamlKind::integer within 64 bits
  [[nodiscard]] double floating() const;                      // integer or floating, else 0
  [[nodiscard]] const YamlItems& items() const;               // empty unless a sequence
  [[nodiscard]] const YamlEntries& entries() const;           // in order of writing; empty unless a mapping

  // The value of `key` (compared with the text of the keys), or nullptr; nullptr too where this is no mapping.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
  [[nodiscard]] YamlPtr find_ptr(std::string_view key) const;
  // For messages: "a list", "an empty mapping", "null", "the number 3", "the string 'abc'", "the boolean yes".
  [[nodiscard]] std::string describe() const;
  // Levels below and including this node; 1 for a scalar.
  [[nodiscard]] int depth() const { return depth_; }

  YamlNode(const YamlNode&) = delete;
  YamlNode& operator=(const YamlNode&) = delete;

 private:
  struct Scalar {
    std::string text;
    std::variant<std::monostate, bool, std::int64_t, double> value;
  };
  struct Passkey {};
  enum class Style : std::uint8_t { plain, quoted, untyped, filled };

 public:
  // For std::make_shared only.
  YamlNode(Passkey, SourceSpan span, YamlKind kind, Style style, int depth,
           std::variant<Scalar, YamlItems, YamlEntries> content, std::shared_ptr<const Diagnostic> mistake = nullptr);

 private:
  std::shared_ptr<const SourceText> source_;
  int line_, column_, length_;
  YamlKind kind_;
  Style style_;
  std::int16_t depth_;
  std::variant<Scalar, YamlItems, YamlEntries> content_;
  std::shared_ptr<const Diagnostic> mistake_;
};

// Equal kinds and values: a text equals itself however it was quoted (untyped ones too), 16 equals 0x10, NaN equals
// NaN; lists entry by entry, mappings in order. Keys are equal by their text, integers beyond 64 bits by the double
// nearest.
[[nodiscard]] bool same_value(const YamlNode& a, const YamlNode& b);

// One document. An empty one gives a null node. What is refused, with its place: syntax errors (yaml-cpp's reason), a
// second document, duplicate keys, keys that are no scalars, undefined or recursive aliases, tags other than the
// standard !!str !!int !!float !!bool !!null !!seq !!map, bytes that are not UTF-8, control characters, `[x, , y]`,
// deep nesting.
// After an error the result is nullptr and `diagnostics` has at least one error more.
[[nodiscard]] YamlPtr parse_yaml(std::shared_ptr<const SourceText> text, Diagnostics& diagnostics);

// What an untyped text is as YAML. Throws Error(plan) with every mistake in it.
[[nodiscard]] YamlPtr parse_untyped(const YamlNode& text);
// An untyped `[...]` or `{...}` as the list or mapping that it is where one may stand; anything else as it is.
[[nodiscard]] YamlPtr as_structure(const YamlPtr& node);

}  // namespace brainsurgery
