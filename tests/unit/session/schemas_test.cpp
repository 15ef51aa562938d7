// The schemas of all steps and assertion operators as data: what help, completion and the reference are made from.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "plan/yaml_tree.h"
#include "session/registries.h"

namespace brainsurgery {
namespace {

void expect_described(const Schema& schema) {
  SCOPED_TRACE(schema.name);
  EXPECT_TRUE(std::ranges::all_of(schema.name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }));
  EXPECT_TRUE(schema.docs.summary.ends_with('.'));
  EXPECT_FALSE(schema.docs.example.empty());
  std::set<std::string> names;
  for (const auto& field : schema.fields) {
    SCOPED_TRACE(field->name);
    EXPECT_TRUE(names.insert(field->name).second);
    EXPECT_EQ(field->kind == FieldKind::choice, !field->choices.empty());
    EXPECT_FALSE(field->required && !field->default_text.empty()) << "a required field has no default";
  }
}

// The payload of `{name: payload}`; nullptr where the example is not of that form.
YamlPtr payload_of(const std::string& example, const std::string& name, Diagnostics& diagnostics) {
  const YamlPtr root = parse_yaml(std::make_shared<SourceText>(SourceText{"example", example}), diagnostics);
  if (root == nullptr || !root->is_mapping() || root->entries().size() != 1 || root->entries().front().first->text() != name) return nullptr;
  return root->entries().front().second;
}

struct Examples {
  Registries registries;
  Diagnostics diagnostics;
  std::set<std::string, std::less<>> aliases{"model", "a", "b", "base", "tuned", "delta"};
  DecodeContext context{diagnostics, "model", aliases, registries.predicates};

  std::string problems() {
    std::string text;
    for (const Diagnostic& item : diagnostics.items()) text += to_string(item);
    return text;
  }
};

TEST(Schemas, EveryStepIsDescribedAndItsExampleIsRight) {
  Examples examples;
  EXPECT_GE(examples.registries.transforms.edits().size(), 24u);
  for (const Edit& edit : examples.registries.transforms.edits()) {
    expect_described(edit.schema);
    const YamlPtr payload = payload_of(edit.schema.docs.example, edit.schema.name, examples.diagnostics);
    ASSERT_NE(payload, nullptr) << edit.schema.docs.example;
    EXPECT_NE(edit.decode(*payload, examples.context), nullptr) << edit.schema.docs.example << "\n" << examples.problems();
  }
}

TEST(Schemas, EveryOperatorIsDescribedAndItsExampleIsRight) {
  Examples examples;
  EXPECT_GE(examples.registries.predicates.predicates().size(), 12u);
  for (const Predicate& predicate : examples.registries.predicates.predicates()) {
    expect_described(predicate.schema);
    const YamlPtr payload = payload_of(predicate.schema.docs.example, "assert", examples.diagnostics);
    ASSERT_NE(payload, nullptr) << predicate.schema.docs.example;
    EXPECT_TRUE(decode_assertion(*payload, examples.context, "assert")) << predicate.schema.docs.example << "\n" << examples.problems();
  }
}

// A name that is both could not be told apart in help.
TEST(Schemas, NamesAreUnique) {
  const Registries registries;
  std::set<std::string> names{"assert"};
  for (const Edit& edit : registries.transforms.edits()) EXPECT_TRUE(names.insert(edit.schema.name).second) << edit.schema.name;
}

// Where a field names what is written, exactly one reference leads: the first, whose matches the others follow.
TEST(Schemas, TheFirstReferenceLeads) {
  const Registries registries;
  for (const Edit& edit : registries.transforms.edits()) {
    const auto lead = std::ranges::find_if(edit.schema.fields, [](const auto& field) { return field->role.has_value(); });
    ASSERT_NE(lead, edit.schema.fields.end()) << edit.schema.name;
    EXPECT_NE((*lead)->role->names, Role::Names::derived) << edit.schema.name;
  }
}

}  // namespace
}  // namespace brainsurgery
