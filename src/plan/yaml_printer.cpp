#include "plan/yaml_printer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>

#include <fmt/format.h>

#include "base/numbers.h"
#include "base/text.h"
#include "plan/parameters.h"

namespace brainsurgery {
namespace {

bool is_line_break(char32_t c) { return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029; }

// Shown as it is; the rest is escaped. Source: YAML 1.1, c-printable, without the byte order mark.
bool is_shown(char32_t c) {
  return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c <= 0xfffd && c != 0xfeff && !is_line_break(c)) ||
         (c >= 0x10000 && c < 0x10ffff);
}

// Only double quotes can hold it.
bool needs_escapes(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (!is_shown(point.value)) return true;
    text.remove_prefix(static_cast<std::size_t>(point.length));
  }
  return false;
}

// Source: YAML 1.1, 5.3 (indicators) and 9.1.2 (plain scalars outside of flow collections).
bool has_indicator(std::string_view text) {
  if (text.starts_with("---") || text.starts_with("...")) return true;
  if (text.starts_with(' ') || text.ends_with(' ')) return true;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text[0]) != std::string_view::npos) return true;
  const bool lone = text.size() == 1 || text[1] == ' ';
  if ((text[0] == '?' || text[0] == '-') && lone) return true;
  return text.find(": ") != std::string_view::npos || text.ends_with(':') || text.find(" #") != std::string_view::npos;
}

// A date, or a time from its seconds on, to other readers. Source: YAML 1.1 timestamp.
bool looks_like_date(std::string_view text) {
  // Digits, at least `least` and at most `most`, then one of `ends` ('\0' is the end of the text).
  const auto take = [&](std::size_t least, std::size_t most, std::string_view ends) {
    std::size_t digits = 0;
    while (digits < std::min(most, text.size()) && text[digits] >= '0' && text[digits] <= '9') ++digits;
    const char end = digits < text.size() ? text[digits] : '\0';
    if (digits < least || ends.find(end) == std::string_view::npos) return false;
    text.remove_prefix(std::min(digits + 1, text.size()));
    return true;
  };
  const bool short_form = text.size() == 10;
  if (!take(4, 4, "-") || !take(short_form ? 2 : 1, 2, "-")) return false;
  if (short_form && text.size() == 2) return take(2, 2, std::string_view("\0", 1));
  if (!take(1, 2, "Tt ")) return false;
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return take(1, 2, ":") && take(2, 2, ":");
}

// Some reader (YAML 1.1 to the letter, PyYAML, OmegaConf) takes the plain text for something else.
bool is_ambiguous(std::string_view text) {
  if (text == "y" || text == "Y" || text == "n" || text == "N" || text == "=" || text == "<<") return true;
  return resolve_scalar(text).kind != YamlKind::string || parse_python_float(text) || looks_like_date(text);
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kEscaped("\0\a\b\t\n\v\f\r\x1b\"\\", 11);
  constexpr std::string_view kLetters = "0abtnvfre\"\\";
  std::string result = "\"";
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const std::size_t special = point.value < 0x80 ? kEscaped.find(static_cast<char>(point.value)) : kEscaped.npos;
    const auto value = static_cast<std::uint32_t>(point.value);
    if (special != kEscaped.npos) {
      result += '\\';
      result += kLetters[special];
    } else if (is_shown(point.value) && value < 0x10000) {
      result += text.substr(0, static_cast<std::size_t>(point.length));
    } else if (value == 0x85) {
      result += "\\N";
    } else if (value == 0x2028 || value == 0x2029) {
      result += value == 0x2028 ? "\\L" : "\\P";
    } else if (value < 0x100) {
      result += fmt::format("\\x{:02X}", value);
    } else {
      result += value < 0x10000 ? fmt::format("\\u{:04X}", value) : fmt::format("\\U{:08X}", value);
    }
    text.remove_prefix(static_cast<std::size_t>(point.length));
  }
  return result + '"';
}

std::string single_quoted(std::string_view text) {
  std::string result = "'";
  for (char c : text) result.append(c == '\'' ? 2 : 1, c);
  return result + '\'';
}

std::string text_spelling(const YamlNode& node) {
  const std::string& text = node.text();
  if (!is_valid_utf8(text)) {
    throw Error(ErrorCode::plan, fmt::format("a string that is not UTF-8 cannot be written as YAML: {}", text),
                node.span());
  }
  if (needs_escapes(text)) return escaped(text);
  return text.empty() || has_indicator(text) || is_ambiguous(text) ? single_quoted(text) : text;
}

// ".inf", "1.0e+16": YAML 1.1 asks for a point.
std::string floating_spelling(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  std::string text = python_float(value);
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

std::string scalar_spelling(const YamlNode& node) {
  switch (node.kind()) {
    case YamlKind::null:
      return "null";
    case YamlKind::boolean:
      return node.boolean() ? "true" : "false";
    case YamlKind::integer:
      return node.integer() ? fmt::to_string(*node.integer()) : node.text();
    case YamlKind::floating:
      return floating_spelling(node.floating());
    case YamlKind::string:
      return text_spelling(node);
    case YamlKind::sequence:
      return "[]";
    case YamlKind::mapping:
      return "{}";
  }
  return "";
}

// Keys are compared by their text, so that is what is kept. Readers take a key for one only up to a length, escapes
// counted.
std::string key_spelling(const YamlNode& key) {
  const bool plain = !key.is_string() && resolve_scalar(key.text()).kind == key.kind();
  std::string spelling = plain ? key.text() : text_spelling(key);
  if (spelling.size() > kMaxYamlKeyBytes) {
    throw Error(ErrorCode::plan, fmt::format("a key of {} bytes cannot be written as YAML", spelling.size()),
                key.span());
  }
  return spelling;
}

class Printer {
 public:
  // `node` from the current place on, which is `indent` blanks into its line.
  void print(const YamlNode& node, std::size_t indent) {
    bool first = true;
    auto start_line = [&] {
      if (!first) out.append(indent, ' ');
      first = false;
    };
    for (const YamlPtr& item : node.items()) {
      start_line();
      out += "- ";
      print(*item, indent + 2);
    }
    for (const auto& [key, value] : node.entries()) {
      start_line();
      out += key_spelling(*key) + ":";
      const bool nested = !value->items().empty() || !value->entries().empty();
      const std::size_t inner = indent + (value->is_mapping() ? 2 : 0);
      out += nested ? "\n" + std::string(inner, ' ') : " ";
      print(*value, inner);
    }
    if (first) out += scalar_spelling(node) + "\n";
  }

  std::string out;
};

YamlPtr text(std::string value) { return YamlNode::text({}, std::move(value)); }

YamlPtr metadata_to_yaml(const MetadataEdit& edit) {
  YamlEntries entries, pairs;
  YamlItems patterns;
  for (const NamePattern& pattern : edit.drop) patterns.push_back(text(pattern.text()));
  for (const auto& [key, value] : edit.set) pairs.emplace_back(text(key), text(value));
  if (!patterns.empty()) entries.emplace_back(text("drop"), YamlNode::sequence({}, std::move(patterns)));
  if (!pairs.empty()) entries.emplace_back(text("set"), YamlNode::mapping({}, std::move(pairs)));
  return YamlNode::mapping({}, std::move(entries));
}

YamlPtr output_to_yaml(const PlanOutput& output) {
  YamlEntries entries{{text("path"), text(output.path)}};
  if (output.format) entries.emplace_back(text("format"), text(*output.format));
  if (output.shard) entries.emplace_back(text("shard"), text(*output.shard));
  if (output.model) entries.emplace_back(text("model"), text(*output.model));
  if (output.overwrite) {
    entries.emplace_back(text("overwrite"), YamlNode::plain({}, *output.overwrite ? "true" : "false"));
  }
  if (output.tied) {
    entries.emplace_back(text("tied"), text(std::string(kTiedSpellings[static_cast<std::size_t>(*output.tied)])));
  }
  if (output.layout) {
    entries.emplace_back(text("layout"),
                         text(std::string(kArrangementSpellings[static_cast<std::size_t>(*output.layout)])));
  }
  if (output.carry) entries.emplace_back(text("carry"), to_yaml(*output.carry));
  if (output.adjust) entries.emplace_back(text("auto"), YamlNode::plain({}, *output.adjust ? "true" : "false"));
  if (output.expect) entries.emplace_back(text("expect"), text(*output.expect));
  if (output.metadata) entries.emplace_back(text("metadata"), metadata_to_yaml(*output.metadata));
  return entries.size() == 1 ? entries.front().second : YamlNode::mapping({}, std::move(entries));
}

}  // namespace

std::string print_yaml(const YamlNode& root) {
  Printer printer;
  printer.print(root, 0);
  return std::move(printer.out);
}

YamlPtr to_yaml(const PlanStep& step) {
  BS_CHECK(step.payload != nullptr);
  const YamlPtr payload = step.payload->is_null() ? YamlNode::mapping(step.payload->span(), {}) : step.payload;
  return YamlNode::mapping(step.span, {{YamlNode::text(step.span, step.command), payload}});
}

YamlPtr to_yaml(const PlanInput& input) {
  if (!input.digest) return text(input.alias + "::" + input.path);
  return YamlNode::mapping(
      {}, {{text("alias"), text(input.alias)}, {text("path"), text(input.path)}, {text("digest"), text(*input.digest)}});
}

YamlPtr to_yaml(const Plan& plan) {
  YamlItems inputs, steps;
  for (const PlanInput& input : plan.inputs) inputs.push_back(to_yaml(input));
  for (const PlanStep& step : plan.steps) steps.push_back(to_yaml(step));
  YamlEntries entries;
  YamlEntries parameters;
  for (const auto& [name, value] : plan.parameters) {
    const bool is_ambiguous = is_declaration(*value);  // a value that looks like one
    parameters.emplace_back(text(name), is_ambiguous ? YamlNode::mapping({}, {{text("default"), value}}) : value);
  }
  if (!parameters.empty()) entries.emplace_back(text("params"), YamlNode::mapping({}, std::move(parameters)));
  if (!inputs.empty()) entries.emplace_back(text("inputs"), YamlNode::sequence({}, std::move(inputs)));
  if (!steps.empty()) entries.emplace_back(text("transforms"), YamlNode::sequence({}, std::move(steps)));
  if (plan.output) entries.emplace_back(text("output"), output_to_yaml(*plan.output));
  return YamlNode::mapping({}, std::move(entries));
}

std::string print_plan(const Plan& plan) { return print_yaml(*to_yaml(plan)); }

}  // namespace brainsurgery
