// help: what steps and operators there are, and what they take.
#include "commands/families.h"
#include "describe/help_text.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {
namespace {

struct HelpSpec {
  HelpTopic topic;
};

// A name, or a mapping of one name to null or to the name of an operator.
void decode_topic(const YamlNode& value, const FieldDecoder& decoder, HelpSpec& spec) {
  if (value.is_mapping() && value.entries().empty()) return;
  const bool is_pair = value.is_mapping() && value.entries().size() == 1;
  const YamlNode& step = is_pair ? *value.entries().front().first : value;
  const YamlNode* part = is_pair ? value.entries().front().second.get() : nullptr;
  const bool has_part = part != nullptr && !part->is_null() && !(part->is_mapping() && part->entries().empty());
  if (step.text().empty() || (has_part && (!part->is_string() || part->text().empty()))) {
    decoder.expected(value, "the name of a command, or {command: part}");
    return;
  }
  spec.topic.step = step.text();
  if (has_part) spec.topic.part = part->text();
}

}  // namespace

void add_help(StepRegistry& registry) {
  SchemaBuilder<HelpSpec> schema(
      "help", {"Lists the commands, or describes one.",
               "Without a payload it lists all commands; with the name of one it describes that with all its keys. "
               "{assert: OPERATOR} describes an operator of assert.",
               "help: {assert: equal}"});
  schema.custom("topic", scalar(Scalar::topic), decode_topic).doc("The command or operator to describe.");
  schema.shorthand("topic", true);
  registry.add(make_query<HelpSpec>(schema, [](const HelpSpec& spec, QueryScope& plan) {
    std::string text = help_text(plan.catalog(), spec.topic);
    plan.announce("help: " + to_string(spec.topic));
    plan.print(std::move(text));
  }));
}

}  // namespace brainsurgery
