// What a checkpoint looks like from the names of its tensors, and which recipe is for it: notes for a plan that has other
// names than the checkpoint.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

// Names of tensors that only checkpoints of one kind have.
struct Likeness {
  std::string_view names;     // a regular expression that one of its names matches as a whole; empty: any
  std::string_view path;      // the same of the path; empty: any
  std::string_view familiar;  // a part of names: whoever writes it knows of the kind
  std::string_view sentence;  // what the names are
  std::string_view recipe;
};
[[nodiscard]] const std::vector<Likeness>& all_likenesses();

// Whether a regular expression matches one of the names, or the path.
struct LikenessTests {
  std::function<bool(const std::string& regex)> any_name, path;
};

// At most two, the outermost first. `wanted`: what was looked for in vain.
[[nodiscard]] std::vector<std::string> likeness_notes(const LikenessTests& tests, std::string_view wanted);

}  // namespace brainsurgery
