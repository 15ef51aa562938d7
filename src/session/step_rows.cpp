#include "session/step_rows.h"

#include <algorithm>

namespace brainsurgery {

const ResolvedName* ResolvedRow::first_target() const {
  const auto found = std::ranges::find_if(names, [](const ResolvedName& name) { return name.ref->role.writes; });
  return found == names.end() ? nullptr : &*found;
}

}  // namespace brainsurgery
