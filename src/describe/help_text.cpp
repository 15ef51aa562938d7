#include "describe/help_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "brainsurgery/error.h"
#include "describe/field_text.h"
#include "describe/frame.h"
#include "plan/hints.h"
#include "plan/modifiers.h"

namespace brainsurgery {
namespace {

using Lines = std::vector<FrameLine>;

void blank(Lines& lines) { lines.emplace_back(); }

void add_entry(Lines& lines, const std::string& name, int name_columns, const std::string& text) {
  const std::string padding(static_cast<std::size_t>(std::max(0, name_columns - columns_of(name))), ' ');
  lines.push_back({name + padding + "  " + text, 2, 2 + name_columns + 2});
}

// Names and what they are, in two columns.
void add_summaries(Lines& lines, const std::vector<Schema>& schemas) {
  int columns = 0;
  for (const Schema& schema : schemas) columns = std::max(columns, columns_of(schema.name));
  for (const Schema& schema : schemas) add_entry(lines, schema.name, columns, schema.docs.summary);
}

void add_keys(Lines& lines, const Schema& schema) {
  std::vector<const Field*> sorted;
  for (const auto& field : schema.fields) sorted.push_back(field.get());
  std::ranges::sort(sorted, {}, &Field::name);
  int columns = 0;
  for (const Field* field : sorted) columns = std::max(columns, columns_of(field->name));
  for (const bool required : {true, false}) {
    bool any = false;
    for (const Field* field : sorted) {
      if (field->required != required) continue;
      if (!std::exchange(any, true)) {
        blank(lines);
        lines.push_back({required ? "Required keys:" : "Optional keys:"});
      }
      const std::string presence = required ? "" : "; " + presence_text(schema, *field);
      add_entry(lines, field->name, columns, fmt::format("({}{}) {}", type_text(*field), presence, field->docs));
      if (const std::string names = names_text(*field); !names.empty())
        lines.push_back({names, 2 + columns + 2, 2 + columns + 2});
    }
  }
}

void add_text(Lines& lines, const Docs& docs) {
  lines.push_back({docs.summary});
  if (!docs.details.empty()) lines.push_back({docs.details});
}

void add_example(Lines& lines, const Docs& docs) {
  blank(lines);
  lines.push_back({"Example:"});
  lines.push_back({"YAML: " + docs.example, 2, 4});
  lines.push_back({"OLY:  " + example_as_oly(docs), 2, 4});
}

std::string all_steps(const Catalog& catalog) {
  Lines lines{{"Available commands:"}};
  add_summaries(lines, catalog.steps);
  blank(lines);
  lines.push_back({"help: COMMAND describes one of them with all its keys."});
  std::vector<std::string> sections;
  for (const Schema& section : catalog.sections) sections.push_back("help: " + section.name);
  lines.push_back({fmt::format("{} describe the other parts of a plan.", fmt::join(sections, " and "))});
  lines.push_back({fmt::format("help: {} describes the keys that every step may have.", modifiers_schema().name)});
  for (const Schema& step : catalog.steps) {
    if (takes_operator(step))
      lines.push_back({fmt::format("help: {{{}: OPERATOR}} describes an operator of {}.", step.name, step.name)});
  }
  return framed("Help for commands", lines);
}

std::string step_help(const Catalog& catalog, const Schema& step) {
  Lines lines{{"Command: " + step.name}};
  add_text(lines, step.docs);
  blank(lines);
  lines.push_back({"Payload: " + payload_text(step)});
  if (takes_operator(step)) {
    blank(lines);
    lines.push_back({"Operators:"});
    add_summaries(lines, catalog.operators);
  } else {
    add_keys(lines, step);
  }
  add_example(lines, step.docs);
  return framed("Help for " + step.name, lines);
}

std::string section_help(const Schema& section) {
  Lines lines{{"Part of a plan: " + section.name}};
  add_text(lines, section.docs);
  blank(lines);
  lines.push_back({"Takes: " + payload_text(section)});
  if (!section.shorthand_only) add_keys(lines, section);
  blank(lines);
  lines.push_back({"Example:"});
  lines.push_back({section.docs.example, 2, 4});
  return framed("Help for " + section.name, lines);
}

std::string operator_help(const Schema& step, const Schema& schema) {
  Lines lines{{"Assert expression: " + schema.name}};
  add_text(lines, schema.docs);
  blank(lines);
  lines.push_back({"Payload: " + payload_text(schema)});
  if (!schema.shorthand_only) {
    add_keys(lines, schema);
  } else if (const std::string names = names_text(*schema.shorthand); !names.empty()) {
    lines.push_back({names});
  }
  add_example(lines, schema.docs);
  return framed(fmt::format("Help for {}.{}", step.name, schema.name), lines);
}

Error unknown(const std::string& what, const std::string& name, const std::vector<Schema>& known) {
  return {ErrorCode::plan, fmt::format("help: unknown {} '{}'", what, name), {}, step_notes(name, known)};
}

}  // namespace

std::string to_string(const HelpTopic& topic) {
  if (!topic.step) return "commands";
  return topic.part ? *topic.step + "." + *topic.part : *topic.step;
}

std::string help_text(const Catalog& catalog, const HelpTopic& topic) {
  if (!topic.step) return all_steps(catalog);
  const Schema* step = catalog.step(*topic.step);
  const Schema* section = step == nullptr && !topic.part ? catalog.section(*topic.step) : nullptr;
  if (section != nullptr) return section_help(*section);
  if (step == nullptr && !topic.part && *topic.step == modifiers_schema().name) return section_help(modifiers_schema());
  if (step == nullptr) throw unknown("command", *topic.step, catalog.steps);
  if (!topic.part) return step_help(catalog, *step);
  if (!takes_operator(*step)) {
    throw Error(ErrorCode::plan, fmt::format("help: '{}' has no parts; '{}' asks for one", step->name, *topic.part), {},
                {fmt::format("help: {} describes it with all its keys", step->name)});
  }
  const Schema* schema = catalog.operator_named(*topic.part);
  if (schema == nullptr) throw unknown(step->name + " operator", *topic.part, catalog.operators);
  return operator_help(*step, *schema);
}

}  // namespace brainsurgery
