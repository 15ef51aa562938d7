#include "describe/reference_pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "describe/field_text.h"

namespace brainsurgery {
namespace {

constexpr const char* kNotice =
    "<!-- Made from the schemas by `brainsurgery schema --markdown docs`; edits here are lost. -->\n";

// What a folder's pages have in common.
struct Chapter {
  std::string folder, title, introduction;
  const std::vector<Schema>& schemas;
};

// A bar would end the cell of a table.
std::string cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
  return text;
}

std::string keys_table(const Schema& schema) {
  std::string text = "| key | takes | | |\n| --- | --- | --- | --- |\n";
  for (const auto& field : schema.fields) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", field->name, cell(type_text(*field)),
                        cell(presence_text(schema, *field)), cell(field->docs));
  }
  return text;
}

std::string counters_text(const Role& role) {
  if (role.writes && role.policy == Role::Policy::must_not_exist) return "new: one write";
  if (role.reads && role.writes) return "one read, one write";
  if (role.removes) return "gone";
  if (role.writes) return "one write";
  return role.reads ? "one read" : "";
}

bool has_names(const Schema& schema) {
  return std::ranges::any_of(schema.fields, [](const auto& field) { return field->role.has_value(); });
}

// `counts`: what becomes of the counters follows from the roles, as it does for steps.
std::string names_table(const Schema& schema, bool counts) {
  std::string text = counts ? "| names in | | counters |\n| --- | --- | --- |\n" : "| names in | |\n| --- | --- |\n";
  for (const auto& field : schema.fields) {
    if (!field->role) continue;
    text += fmt::format("| `{}` | {} |", field->name, names_text(*field));
    text += counts ? fmt::format(" {} |\n", counters_text(*field->role)) : "\n";
  }
  return text;
}

std::string refusals(const Schema& schema) {
  const auto any = [&](bool (*holds)(const Role&)) {
    return std::ranges::any_of(schema.fields, [&](const auto& field) { return field->role && holds(*field->role); });
  };
  std::string text;
  if (any([](const Role& role) { return role.names == Role::Names::pattern; }))
    text += "- a pattern that matches nothing\n";
  if (any([](const Role& role) { return role.single; })) text += "- a pattern that matches several tensors\n";
  if (any([](const Role& role) { return role.policy == Role::Policy::must_exist; }))
    text += "- a name that does not exist where it must\n";
  if (any([](const Role& role) { return role.policy == Role::Policy::must_not_exist; }))
    text += "- a destination that exists already\n";
  if (any([](const Role& role) { return role.names == Role::Names::derived && role.writes; }))
    text += "- two matches that lead to one destination\n";
  if (any([](const Role& role) { return !role.slice; })) text += "- a slice where none is allowed\n";
  return text.empty() ? "" : "Mistakes, reported before any data is read:\n\n" + text + "\n";
}

std::string page(const Schema& schema, bool is_step) {
  std::string text = fmt::format("{}# {}\n\n{}\n\n", kNotice, schema.name, schema.docs.summary);
  text += fmt::format("```yaml\n{}\n```\n\n", schema.docs.example);
  if (!schema.docs.details.empty()) text += schema.docs.details + "\n\n";
  text += fmt::format("Payload: {}.\n\n", payload_text(schema));
  if (!schema.fields.empty() && !schema.shorthand_only) text += keys_table(schema) + "\n";
  if (has_names(schema)) text += names_table(schema, is_step) + "\n";
  if (is_step) text += refusals(schema);
  text += "## Example\n\nOn one line (OLY): `" + example_as_oly(schema.docs) + "`\n\n";
  return text + "As a plan for the model of [make_tiny_gpt2.yaml](../../plans/make_tiny_gpt2.yaml):\n\n```yaml\n" +
         example_plan(schema.docs) + "```\n";
}

std::string index(const Chapter& chapter) {
  std::string text =
      fmt::format("{}# {}\n\n{}\n\n| | |\n| --- | --- |\n", kNotice, chapter.title, chapter.introduction);
  for (const Schema& schema : chapter.schemas)
    text += fmt::format("| [{0}]({0}.md) | {1} |\n", schema.name, cell(schema.docs.summary));
  return text;
}

// Every line of `text` behind the first moved in by `columns`.
std::string indented(const std::string& text, int columns) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result.append(static_cast<std::size_t>(columns), ' ');
  }
  return result;
}

}  // namespace

std::string example_plan(const Docs& docs) {
  std::string text = "inputs: [tiny_gpt2.safetensors]\ntransforms:\n";
  if (!docs.setup.empty()) text += "  " + indented(docs.setup, 2) + "\n";
  return text + "  - " + indented(docs.example, 4) + "\n";
}

std::vector<Page> reference_pages(const Catalog& catalog) {
  const Chapter steps{"transforms", "Steps of a plan",
                      "The entries of `transforms`, each a mapping of one command to its keys. A reference is "
                      "`alias::pattern::[slice]`: the pattern is a regular expression over whole names, or a list that "
                      "is matched segment by segment; the alias may be left out where the plan has exactly one input. "
                      "A step runs once for every match, in the order of the names; every step may have the keys of "
                      "[section 3.7](../language.md#37-modifiers) beside its own. Where a step counts reads and writes, "
                      "[assert](assert.md) can ask for them.",
                      catalog.steps};
  const Chapter operators{"predicates", "Operators of assert",
                          "The conditions that [assert](../transforms/assert.md) can check.", catalog.operators};
  std::vector<Page> pages;
  for (const Chapter* chapter : {&steps, &operators}) {
    pages.push_back({chapter->folder + "/README.md", index(*chapter)});
    for (const Schema& schema : chapter->schemas)
      pages.push_back({fmt::format("{}/{}.md", chapter->folder, schema.name), page(schema, chapter == &steps)});
  }
  return pages;
}

}  // namespace brainsurgery
