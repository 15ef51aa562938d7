// holds: a condition on config.json, parameters, shapes and files, evaluated from ${...}.
#include <fmt/format.h>

#include <algorithm>

#include "plan/yaml_tree.h"
#include "predicates/families.h"

namespace brainsurgery {
namespace {

struct HoldsSpec {
  bool that = false;
  std::string written;  // the condition, in the plan's words
  std::optional<std::string> message;
};

// The line of a place from there on: expressions keep the place of their text.
std::string text_at(const SourceSpan& span) {
  if (!span.known()) return "";
  std::string_view text = span.source->text;
  for (int line = 1; line < span.line; ++line) text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::string_view rest = line.substr(std::min(static_cast<std::size_t>(span.column - 1), line.size()));
  const std::size_t open = rest.find("${"), end = rest.find('}', open);
  if (open == std::string_view::npos || end == std::string_view::npos) return "";
  return std::string(rest.substr(open, end - open + 1));
}

void decode_condition(const YamlNode& value, const FieldDecoder& decoder, HoldsSpec& spec) {
  if (!value.is(YamlKind::boolean)) {
    decoder.fail(value, fmt::format("expected a condition that is true or false, found {}", value.describe()),
                 {"conditions stand in ${...}, as in '${config.vocab_size % 64 == 0}'"});
    return;
  }
  spec.that = value.boolean();
  spec.written = text_at(value.span());
}

std::string reason_of(const HoldsSpec& spec) {
  if (spec.message) return *spec.message;
  return spec.written.empty() ? "the condition does not hold" : fmt::format("{} does not hold", spec.written);
}

}  // namespace

void add_holds(PredicateRegistry& registry) {
  SchemaBuilder<HoldsSpec> schema(
      "holds", {"A condition is true.",
                "The condition is an expression in ${...} of parameters, config, shape, dtype and file, evaluated from "
                "headers before anything runs. `message` is what a failure says; it may have expressions too. Counts no read.",
                "assert: {holds: {that: \"${shape('wte.weight')[0] % 32 == 0}\", message: the vocabulary is odd}}"});
  schema.called_elsewhere({"that", "condition", "require", "config", "check", "expr", "true"});
  schema.custom("that", scalar(Scalar::boolean), decode_condition).require().doc("The condition, in ${...}.");
  schema.text(&HoldsSpec::message, "message", Scalar::text).doc("The reason of a failure.");
  schema.shorthand("that");
  registry.add(make_predicate<HoldsSpec>(schema, [](const HoldsSpec& spec, NameScope&) {
    return decided(spec.that, [&spec] { return reason_of(spec); });
  }));
}

}  // namespace brainsurgery
