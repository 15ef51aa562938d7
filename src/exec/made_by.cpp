#include "exec/made_by.h"

#include <fmt/format.h>

#include "base/interrupt.h"

namespace brainsurgery {

Error made_by(const Error& error, const MakerPtr& maker) {
  const bool has_place = error.diagnostics().front().span.known();
  if (maker == nullptr || has_place || error.code() == ErrorCode::internal || interrupted()) return error;
  return error.at(maker->place)
      .with_note(fmt::format("while computing {} (step {}, {})", maker->tensor, maker->step, maker->command));
}

}  // namespace brainsurgery
