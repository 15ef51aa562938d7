// What an edit is done with at one time, by name: its references and the tensors that they lead to in one row.
#pragma once

#include <string>
#include <vector>

#include "session/model.h"
#include "session/step_parts.h"

namespace brainsurgery {

// A name that a reference leads to in one row.
struct ResolvedName {
  const PreparedRef* ref;
  std::string name;

  [[nodiscard]] const std::string& alias() const { return ref->alias; }
  [[nodiscard]] const TensorRef& written() const { return *ref->ref; }
  [[nodiscard]] std::string label() const { return label_of(ref->alias, name); }
};

struct ResolvedRow {
  const StepPart* part;             // whose spec the row is for
  std::vector<ResolvedName> names;  // in the order of the schema

  // The first name that is written; nullptr: none is.
  [[nodiscard]] const ResolvedName* first_target() const;
};

}  // namespace brainsurgery
