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
            "╭──────────────────────── Help for commands ────────────────────────╮\n"
            "│ Available commands:                                               │\n"
            "│   blur   Blurs tensors.                                           │\n"
            "│   check  Checks.                                                  │\n"
            "│   look   Looks at a file.                                         │\n"
            "│   stop   Stops.                                                   │\n"
            "│                                                                   │\n"
            "│ help: COMMAND describes one of them with all its keys.            │\n"
            "│ help: inputs and help: output describe the other parts of a plan. │\n"
            "│ help: modifiers describes the keys that every step may have.      │\n"
            "│ help: {check: OPERATOR} describes an operator of check.           │\n"
            "╰───────────────────────────────────────────────────────────────────╯\n");
}

TEST(HelpText, DescribesThePartsOfAPlan) {
  EXPECT_NE(help("output").find("Part of a plan: output"), std::string::npos);
  EXPECT_NE(help("output").find("(mapping with set and drop; default: that of the model)"), std::string::npos);
  EXPECT_NE(help("inputs").find("Takes: list of checkpoints"), std::string::npos);
}

TEST(HelpText, DescribesAStepWithAllItsKeys) {
  EXPECT_EQ(help("blur"),
            "╭───────────────────────────────────────── Help for blur ──────────────────────────────────────────╮\n"
            "│ Command: blur                                                                                    │\n"
            "│ Blurs tensors.                                                                                   │\n"
            "│ Slowly.                                                                                          │\n"
            "│                                                                                                  │\n"
            "│ Payload: mapping                                                                                 │\n"
            "│                                                                                                  │\n"
            "│ Required keys:                                                                                   │\n"
            "│   by     (number) How far.                                                                       │\n"
            "│   from   (reference) What to blur.                                                               │\n"
            "│          A pattern. May be sliced.                                                               │\n"
            "│   to     (reference) The new name.                                                               │\n"
            "│          A template, filled in for every match; the tensor must not exist, the alias may be new. │\n"
            "│          No slice.                                                                               │\n"
            "│                                                                                                  │\n"
            "│ Optional keys:                                                                                   │\n"
            "│   dtype  (dtype; default: float32) The dtype.                                                    │\n"
            "│                                                                                                  │\n"
            "│ Example:                                                                                         │\n"
            "│   YAML: blur: {from: a, to: b, by: 2}                                                            │\n"
            "│   OLY:  blur: from: a, to: b, by: 2                                                              │\n"
            "╰──────────────────────────────────────────────────────────────────────────────────────────────────╯\n");
}

TEST(HelpText, DescribesOperators) {
  EXPECT_EQ(help("check"),
            "╭──────────── Help for check ────────────╮\n"
            "│ Command: check                         │\n"
            "│ Checks.                                │\n"
            "│                                        │\n"
            "│ Payload: assertion                     │\n"
            "│                                        │\n"
            "│ Operators:                             │\n"
            "│   both  Both hold.                     │\n"
            "│   near  It is near.                    │\n"
            "│                                        │\n"
            "│ Example:                               │\n"
            "│   YAML: check: {near: {of: a, low: 1}} │\n"
            "│   OLY:  check: near: {of: a, low: 1}   │\n"
            "╰────────────────────────────────────────╯\n");
  EXPECT_EQ(help("check", "near"),
            "╭────────────── Help for check.near ───────────────╮\n"
            "│ Assert expression: near                          │\n"
            "│ It is near.                                      │\n"
            "│                                                  │\n"
            "│ Payload: mapping                                 │\n"
            "│                                                  │\n"
            "│ Required keys:                                   │\n"
            "│   of    (reference) Which.                       │\n"
            "│         A pattern. May be sliced.                │\n"
            "│                                                  │\n"
            "│ Optional keys:                                   │\n"
            "│   high  (number; one of these is required) To.   │\n"
            "│   low   (number; one of these is required) From. │\n"
            "│                                                  │\n"
            "│ Example:                                         │\n"
            "│   YAML: check: {near: {of: a, low: 1}}           │\n"
            "│   OLY:  check: near: {of: a, low: 1}             │\n"
            "╰──────────────────────────────────────────────────╯\n");
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
