// What to say of references that match nothing and of names that do not exist, with what may have been meant.
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/tensor_ref.h"
#include "brainsurgery/workspace.h"
#include "session/step_binding.h"

namespace brainsurgery {

class MissingNames {
 public:
  // Both are kept by reference.
  MissingNames(const StepBinding& step, const Workspace& workspace) : step_(step), workspace_(workspace) {}

  // `where`: the field, or empty.
  [[nodiscard]] Error no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const;
  [[nodiscard]] Error missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                              const std::string& name) const;
  // "did you mean ...?", for each of the names that are nearest.
  [[nodiscard]] std::vector<std::string> nearest(const std::string& wanted, const std::string& alias) const;

 private:
  // What kind of model the names look like, and the recipe for it.
  [[nodiscard]] std::vector<std::string> likeness(const StateDict& names, const std::string& alias,
                                                  const std::string& wanted) const;
  // Whether a name matches the regular expression; false where it is none, or one that may take long.
  [[nodiscard]] bool any_match(const std::string& regex, const std::string& alias) const;

  const StepBinding& step_;
  const Workspace& workspace_;
};

}  // namespace brainsurgery
