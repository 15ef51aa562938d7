#include "describe/help_text.h"

#include <gtest/gtest.h>

#include "brainsurgery/error.h"
#include "unit/describe/small_catalog.h"

namespace brainsurgery {
namespace {

std::string help(std::optional<std::string> step = {}, std::optional<std::string> part = {}) {
  return help_text(testing::small_catalog(), {std::move(step), std::move(part)});
}

TEST(HelpText, ListsAllSteps) {
  EXPECT_EQ(help(),
            "╭────────────────── Help for commands ──────────────────╮\n"
            "│ Available commands:                                   │\n"
            "│   blur   Blurs tensors.                               │\n"
            "│   check  Checks.                                      │\n"
            "│   look   Looks at a file.                             │\n"
            "│   stop   Stops.                                       │\n"
            "│                                                       │\n"
            "│ help: COMMAND describes one of them with all its keys. │\n"
            "│ help: {check: OPERATOR} describes an operator of check. │\n"
            "╰───────────────────────────────────────────────────────╯\n");
}

TEST(HelpText, DescribesAStepWithAllItsKeys) { EXPECT_EQ(help("blur"), ""); }

TEST(HelpText, DescribesOperators) {
  EXPECT_EQ(help("check"), "");
  EXPECT_EQ(help("check", "near"), "");
}

void expect_refused(const std::string& message, std::optional<std::string> step, std::optional<std::string> part = {}) {
  try {
    static_cast<void>(help(std::move(step), std::move(part)));
    ADD_FAILURE() << "not refused: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    EXPECT_EQ(to_string(error), message);
  }
}

TEST(HelpText, RefusesWhatThereIsNot) {
  expect_refused("error: help: unknown command 'blurr'\n  note: did you mean 'blur'?\n", "blurr");
  expect_refused("error: help: unknown check operator 'nera'\n  note: did you mean 'near'?\n", "check", "nera");
  expect_refused(
      "error: help: 'blur' has no parts; 'from' asks for one\n  note: help: blur describes it with all its keys\n",
      "blur", "from");
}

}  // namespace
}  // namespace brainsurgery
