// The text of .case files: plans with small inputs and what is expected of them. The normal place for a new test.
//
//   === scale: halves are rounded once          a case: its title
//   # why this is interesting                   comments stand before the first section
//   --- input a.safetensors                     a checkpoint to make; a tensor a line (tensor_text.h)
//   w BF16 [3] = 1 2 3
//   --- plan                                    as plan.yaml
//   inputs: [a.safetensors]
//   transforms:
//     - scale_: {target: w, by: 0.5}
//   output: out.safetensors
//   --- events                                  if present: what bind and run report, a line each, in full
//   1 scale_: changed 1
//   --- printed                                 if present: what steps print
//   --- output out.safetensors                  the tensors of an output, all of them, sorted by name
//   w BF16 [3] = 0.5 1 1.5
//
// Instead of outputs: `--- error 2`, the exit code, followed by the whole message, which `check` has to give as well;
// or
// `--- run error 1` where only data can tell. Then nothing may have been written. Further sections: `--- file NAME`
// makes a text file, `--- files DIRECTORY` lists the names in a directory after the run, `--- content FILE` is the text
// of a file then. The inputs and files of a case called `shared` are those of all later cases that have none of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery::cases {

struct Section {
  std::string kind;  // "input", "plan", "output", "error", "run error", ...
  std::string name;  // the rest of its line
  std::string text;  // lines, each ended; no blank ones at the end
};

struct Case {
  std::string title;
  std::string comment;  // lines before the first section
  std::vector<Section> sections;
  int line = 0;                 // of the title
  std::vector<Section> shared;  // inputs that are not written here

  [[nodiscard]] bool is_shared() const { return title == "shared"; }

  // nullptr: there is none.
  [[nodiscard]] const Section* find(std::string_view kind) const;
};

// Throws std::runtime_error that names file and line.
[[nodiscard]] std::vector<Case> parse_cases(const std::string& file_name, const std::string& text);
// The text of a file of these cases; parse_cases gives them back.
[[nodiscard]] std::string to_string(const std::vector<Case>& cases);

}  // namespace brainsurgery::cases
