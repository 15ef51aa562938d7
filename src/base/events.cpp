#include "brainsurgery/events.h"

#include <fmt/format.h>

namespace brainsurgery {

std::string to_string(const DocumentChange& change) {
  if (change.after.empty()) return fmt::format("{}: {} removed", change.document, change.key);
  if (change.before.empty()) return fmt::format("{}: {} added: {}", change.document, change.key, change.after);
  return fmt::format("{}: {} {} -> {}", change.document, change.key, change.before, change.after);
}

}  // namespace brainsurgery
