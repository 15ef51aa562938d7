// The recorded cases under tests/conformance: what each gives to the program and what has to come out of it.
//
//   for (const Case& test : read_corpus(folder)) ...          // folder/cases/*.json, sorted by name
//   lay_out(test, folder, "somewhere");                       // its plan, inputs and other texts, as files
//
// The format is described in tests/tools/import_conformance.py, which writes it. Failures to read are
// std::runtime_error: the corpus is ours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace brainsurgery::conformance {

// A whole tensor as recorded or as written: `dtype` as safetensors names it, `bytes` row-major and little-endian.
struct Tensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};
using Tensors = std::map<std::string, Tensor>;

enum class CaseKind { output, error, stdout_text };

struct Case {
  std::string name;
  CaseKind kind = CaseKind::output;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> inputs;  // path in the case's folder -> file under inputs/
  std::map<std::string, std::string> texts;   // path in the case's folder -> content
  std::string standard_input;                 // path of the text to feed, or empty
  bool may_extend = false;                    // an error of the Python program that we may turn into a success
  nlohmann::json compare;                     // mode, tolerances, words to mention
  nlohmann::json expect;
};

[[nodiscard]] std::vector<Case> read_corpus(const std::filesystem::path& folder);

void lay_out(const Case& test, const std::filesystem::path& corpus, const std::filesystem::path& target);

// {name: [dtype, shape, hex]} of an expectation.
[[nodiscard]] Tensors recorded_tensors(const nlohmann::json& recorded);

// The lines of a recorded text, joined.
[[nodiscard]] std::string recorded_text(const nlohmann::json& lines);

// A safetensors file, parsed here and not by the program's own reader, so that the two cannot be wrong together.
[[nodiscard]] Tensors read_safetensors(const std::filesystem::path& file);

// Files and directories of other formats, by the program's own readers; tests/python/check_conformance.py reads the same
// with the formats' own libraries.
[[nodiscard]] Tensors read_checkpoint(const std::filesystem::path& path);

[[nodiscard]] std::string read_file(const std::filesystem::path& file);

}  // namespace brainsurgery::conformance
