// all, any, not: assertions made of assertions.
#include <fmt/format.h>

#include "plan/yaml_tree.h"
#include "predicates/families.h"

namespace brainsurgery {
namespace {

struct ListSpec {
  std::vector<Assertion> of;
};

struct NotSpec {
  Assertion of;
};

SchemaBuilder<ListSpec> list_schema(std::string name, Docs docs) {
  SchemaBuilder<ListSpec> schema(std::move(name), std::move(docs));
  schema
      .custom("of", list_of(one_operator(), 1),
              [](const YamlNode& value, const FieldDecoder& decoder, ListSpec& spec) {
                if (!value.is_sequence() || value.items().empty()) {
                  decoder.expected(value, "a non-empty list of assertions");
                  return;
                }
                for (std::size_t i = 0; i < value.items().size(); ++i) {
                  if (auto part = decode_assertion(*value.items()[i], decoder.context(),
                                                   fmt::format("{}[{}]", decoder.path(), i)))
                    spec.of.push_back(*std::move(part));
                }
              })
      .require();
  schema.shorthand("of", true);
  return schema;
}

// How a part ends what it belongs to, as far as headers tell; nullopt where only data do.
std::optional<Verdict> known_verdict(const Check& check) {
  try {
    return decide(check);
  } catch (const Error&) {  // a mistake fails whatever comes behind it
    return std::nullopt;
  }
}

// The parts up to the first that is sure to end the list, by passing or by failing: those behind it are not looked at.
std::vector<CheckPtr> bind_parts(const ListSpec& spec, NameScope& names, bool ends_by_passing) {
  std::vector<CheckPtr> parts;
  for (const Assertion& part : spec.of) {
    parts.push_back(part.bind(names));
    const std::optional<Verdict> verdict = known_verdict(*parts.back());
    if (verdict && verdict->pass == ends_by_passing) break;
  }
  return parts;
}

}  // namespace

void add_logic(PredicateRegistry& registry) {
  registry.add(make_predicate<ListSpec>(
      list_schema("all", {"Every assertion of the list holds.",
                          "From left to right; the first failure is reported and the rest is not checked.",
                          "assert: {all: [{exists: 'wte.weight'}, {exists: 'wpe.weight'}]}"}),
      [](const ListSpec& spec, NameScope& names) {
        return make_check(checks::AllOf{bind_parts(spec, names, false)});
      }));
  registry.add(make_predicate<ListSpec>(
      list_schema("any", {"At least one assertion of the list holds.", "From left to right; all failures are reported.",
                          "assert: {any: [{exists: 'lm_head.weight'}, {exists: 'wte.weight'}]}"}),
      [](const ListSpec& spec, NameScope& names) { return make_check(checks::AnyOf{bind_parts(spec, names, true)}); }));

  SchemaBuilder<NotSpec> negation(
      "not", {"The assertion does not hold.",
              "A name that matches nothing is an error, not a success, other than in exists and count.",
              "assert: {not: {exists: '.+\\.inv_freq'}}"});
  negation
      .custom("of", one_operator(),
              [](const YamlNode& value, const FieldDecoder& decoder, NotSpec& spec) {
                if (auto inner = decode_assertion(value, decoder.context(), decoder.path()))
                  spec.of = *std::move(inner);
              })
      .require();
  negation.shorthand("of", true);
  registry.add(make_predicate<NotSpec>(negation, [](const NotSpec& spec, NameScope& names) {
    return make_check(checks::Not{spec.of.bind(names),
                                  fmt::format("expected '{}' to fail, but it holds", spec.of.predicate->schema.name)});
  }));
}

}  // namespace brainsurgery
