// Compares what the program wrote with what a case expects. Every function gives the first difference found, or
// nullopt.
//
//   if (auto problem = compare_output(test, "somewhere")) FAIL() << *problem;
//
// Modes for tensors: bitwise (dtype, shape and bytes); allclose (rtol, atol; integers bitwise); lowrank (the product of
// pairs of factors and their norms); random (range, mean, which are equal and which are not).
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "conformance/corpus.h"

namespace brainsurgery::conformance {

using Problem = std::optional<std::string>;

// Everything below FOLDER/out against the expectation: the same files, and in them the same tensors, JSON or text.
[[nodiscard]] Problem compare_output(const Case& test, const std::filesystem::path& folder);

[[nodiscard]] Problem compare_tensors(const Tensors& actual, const Tensors& expected, const nlohmann::json& compare);

// `text` is everything printed. The words of compare.mention have to occur; white space does not count.
[[nodiscard]] Problem compare_mentions(const std::string& text, const nlohmann::json& compare);

// Modes text, yaml, json-lines (numbers within rtol) and keys (words that must occur).
[[nodiscard]] Problem compare_stdout(const std::string& actual, const std::string& expected,
                                     const nlohmann::json& compare);

}  // namespace brainsurgery::conformance
