#include "plan/submission.h"

#include <gtest/gtest.h>

#include "plan/yaml_printer.h"

namespace brainsurgery {
namespace {

std::vector<PlanStep> parse(const std::string& text) {
  return parse_submission(std::make_shared<SourceText>(SourceText{"<prompt>", text}), [](const std::string& name) {
    return name == "HOME" ? std::optional<std::string>("/home/me") : std::nullopt;
  });
}

// The steps as YAML, or what is wrong.
std::string read(const std::string& text) {
  try {
    std::string result;
    for (const PlanStep& step : parse(text)) result += print_yaml(*to_yaml(step));
    return result;
  } catch (const Error& error) {
    return to_string(error);
  }
}

TEST(Submission, OneLineIsOly) {
  EXPECT_EQ(read("copy: from: a, to: b\n"), "copy:\n  from: a\n  to: b\n");
  EXPECT_EQ(read("exit"), "exit: {}\n");
  EXPECT_EQ(read("dump:\r\n"), "dump: {}\n");
  // What both languages can read: a bare word is a text, as in OLY.
  EXPECT_EQ(read("set: {preview: yes}\n"), "set:\n  preview: 'yes'\n");
}

TEST(Submission, AnythingElseIsYaml) {
  EXPECT_EQ(read("help: set\n\n"), "help: set\n");
  EXPECT_EQ(read("copy:\n  from: a\n  to: b\n\n"), "copy:\n  from: a\n  to: b\n");
  EXPECT_EQ(read("set:\n  preview: yes\n"), "set:\n  preview: true\n");
  EXPECT_EQ(read("- exit\n- delete: {target: a}\n"), "exit: {}\ndelete:\n  target: a\n");
  EXPECT_EQ(read("copy:\n  from: ${x}\n  to: b\n"), "copy:\n  from: ${x}\n  to: b\n");
}

TEST(Submission, InterpolationsHaveTheirValues) {
  EXPECT_EQ(read("save: path: ${oc.env:HOME}/a.safetensors"), "save:\n  path: /home/me/a.safetensors\n");
  EXPECT_EQ(read("save:\n  path: ${oc.env:HOME}/${i:02d}.safetensors\n"), "save:\n  path: /home/me/${i:02d}.safetensors\n");
  EXPECT_EQ(read("copy: from: a, to: b.${i + 1}"), "copy:\n  from: a\n  to: b.${i + 1}\n");
  EXPECT_NE(read("save: path: ${oc.env:NOWHERE}").find("NOWHERE"), std::string::npos);
}

TEST(Submission, LinesOfOlyThatAreNoYaml) {
  EXPECT_EQ(read("copy: from: a, to: b\ndelete: target: a\n"), "copy:\n  from: a\n  to: b\ndelete:\n  target: a\n");
  EXPECT_EQ(read("copy: {from: a, to: b}\n\ndelete: {target: a}\n"),
            "copy:\n  from: a\n  to: b\ndelete:\n  target: a\n");
}

TEST(Submission, NothingIsNoSteps) {
  for (const char* text : {"", "\n", "  \n\n", "# words\n", "[]\n"}) EXPECT_TRUE(parse(text).empty()) << text;
}

TEST(Submission, NeitherIsReportedTwice) {
  EXPECT_EQ(read("copy: from: a, : b\n"),
            "<prompt>:1:11: error: invalid YAML: illegal map value\n"
            "    1 | copy: from: a, : b\n"
            "      |           ^\n"
            "  note: read as YAML\n"
            "<prompt>:1:16: error: expected a key after ',' at position 15\n"
            "    1 | copy: from: a, : b\n"
            "      |                ^\n"
            "  note: read as OLY\n");
}

// A tree that is no step is not taken for a mistake in OLY.
TEST(Submission, YamlThatIsNoStep) {
  EXPECT_EQ(read("copy:\n  a: b\nmove:\n  a: b\n"),
            "<prompt>:1:1: error: transforms[0]: a step has exactly one command, found 2 keys\n"
            "    1 | copy:\n"
            "      | ^\n"
            "  note: start each step with its own '- '; indent the keys of a command below it\n");
}

TEST(Submission, AnyBytesEndInStepsOrAMistake) {
  for (const std::string& text :
       {std::string("\xff"), std::string("\0", 1), std::string(",a"), std::string(1000, '['), std::string(1000, '{'),
        std::string("copy: a: \x1b"), std::string("? x"), std::string("&a *a")})
    EXPECT_NE(read(text), "");
}

TEST(StepOfLine, TellsABareName) {
  EXPECT_TRUE(step_of_line("dump:")->payload->is_null());
  EXPECT_TRUE(step_of_line(" dump ")->payload->is_null());
  EXPECT_FALSE(step_of_line("dump: {}")->payload->is_null());
  EXPECT_FALSE(step_of_line("- dump"));
  EXPECT_FALSE(step_of_line("help: set"));
}

}  // namespace
}  // namespace brainsurgery
