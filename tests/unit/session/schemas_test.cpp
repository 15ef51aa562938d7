// The schemas of all steps and operators as data, and what is made from them: help, the plan's JSON Schema and the
// reference pages, which must not be stale and whose examples are run.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "brainsurgery/session.h"
#include "describe/frame.h"
#include "describe/help_text.h"
#include "describe/reference_pages.h"
#include "plan/yaml_tree.h"
#include "session/registries.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;
using testing::read_file;

const std::string kRoot = std::string(BS_TEST_DATA) + "/..";

Catalog catalog() { return catalog_of(builtin_registries()); }

std::vector<Schema> all_schemas() {
  Catalog all = catalog();
  std::vector<Schema> schemas = all.steps;
  std::ranges::copy(all.operators, std::back_inserter(schemas));
  return schemas;
}

TEST(Schemas, AreComplete) {
  EXPECT_GE(catalog().steps.size(), 33u);
  EXPECT_GE(catalog().operators.size(), 12u);
  for (const Schema& schema : all_schemas()) {
    SCOPED_TRACE(schema.name);
    EXPECT_TRUE(std::ranges::all_of(schema.name, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; }));
    EXPECT_TRUE(schema.docs.summary.ends_with('.'));
    EXPECT_TRUE(schema.docs.details.empty() || schema.docs.details.ends_with('.'));
    EXPECT_FALSE(schema.docs.example.empty());
    std::set<std::string> names;
    for (const auto& field : schema.fields) {
      SCOPED_TRACE(field->name);
      EXPECT_TRUE(names.insert(field->name).second);
      ASSERT_NE(field->type, nullptr);
      EXPECT_FALSE(noun(*field->type).empty());
      if (is_scalar(*field->type, Scalar::choice)) {
        EXPECT_GE(std::get<ScalarType>(field->type->shape).choices.size(), 2u);
      }
      EXPECT_FALSE(field->required && !field->default_text.empty()) << "a required field has no default";
      EXPECT_TRUE(schema.shorthand_only || field->docs.ends_with('.')) << field->docs;
    }
    for (const std::string& name : schema.needs_one_of) EXPECT_NE(schema.find(name), nullptr) << name;
  }
}

// A name that is both could not be told apart in help.
TEST(Schemas, NamesAreUnique) {
  std::set<std::string> names;
  for (const Schema& schema : catalog().steps) EXPECT_TRUE(names.insert(schema.name).second) << schema.name;
}

// Where a field names what is written, exactly one reference leads: the first, whose matches the others follow.
TEST(Schemas, TheFirstReferenceLeads) {
  const Registries registries = builtin_registries();
  for (const Step& step : registries.steps.steps()) {
    if (!std::holds_alternative<Edit>(step.action)) continue;
    const auto lead =
        std::ranges::find_if(step.schema.fields, [](const auto& field) { return field->role.has_value(); });
    ASSERT_NE(lead, step.schema.fields.end()) << step.schema.name;
    EXPECT_NE((*lead)->role->names, Role::Names::derived) << step.schema.name;
  }
}

TEST(Help, DescribesEverythingWithinItsFrame) {
  const Catalog all = catalog();
  std::vector<HelpTopic> topics{{}, {"inputs", std::nullopt}, {"output", std::nullopt}};
  for (const Schema& step : all.steps) {
    topics.push_back({step.name, std::nullopt});
    if (!takes_operator(step)) continue;
    for (const Schema& schema : all.operators) topics.push_back({step.name, schema.name});
  }
  for (const HelpTopic& topic : topics) {
    const std::string text = help_text(all, topic);
    const Schema* schema = topic.part ? all.operator_named(*topic.part) : topic.step ? all.step(*topic.step) : nullptr;
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
      EXPECT_LE(columns_of(text.substr(begin, text.find('\n', begin) - begin)), 100) << text;
    if (schema == nullptr || schema->shorthand_only) continue;
    for (const auto& field : schema->fields) EXPECT_NE(text.find("  " + field->name + " "), std::string::npos) << text;
  }
}

class Silence final : public EventSink {
  void on(const Event&) override {}
};

// Plans of the reference pages, beside the model that they name.
class Examples : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string plan = fs::absolute(kRoot + "/plans/make_tiny_gpt2.yaml");
    fs::current_path(folder_.path());
    const Outcome<RunReport> made = run("make_tiny_gpt2.yaml", read_file(plan));
    ASSERT_TRUE(made.ok()) << to_string(made.error());
  }
  void TearDown() override { fs::current_path(before_); }

  static Outcome<RunReport> run(const std::string& name, const std::string& text) {
    Silence events;
    SessionOptions options;
    options.sync = false;
    return Session(posix_env(), events, options).run(std::make_shared<SourceText>(SourceText{name, text}));
  }

 private:
  fs::path before_ = fs::current_path();
  testing::TempDir folder_;
};

TEST_F(Examples, Run) {
  for (const Schema& schema : all_schemas()) {
    const std::string plan = example_plan(schema.docs);
    const Outcome<RunReport> report = run(schema.name, plan);
    EXPECT_TRUE(report.ok()) << plan << to_string(report.error());
  }
}

// `brainsurgery schema --markdown docs` brings them up to date.
TEST(ReferencePages, AreUpToDate) {
  std::set<std::string> wanted;
  for (const Page& page : reference_pages(catalog())) {
    wanted.insert(page.path);
    EXPECT_EQ(read_file(kRoot + "/docs/" + page.path), page.text) << page.path;
  }
  for (const char* chapter : {"transforms", "predicates"}) {
    for (const auto& entry : fs::directory_iterator(kRoot + "/docs/" + chapter)) {
      const std::string path = std::string(chapter) + "/" + entry.path().filename().string();
      EXPECT_TRUE(wanted.contains(path)) << path << " describes nothing that there is";
    }
  }
}

}  // namespace
}  // namespace brainsurgery
