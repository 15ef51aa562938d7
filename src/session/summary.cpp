#include "session/summary.h"

namespace brainsurgery {

std::string summary_text(SummaryMode, const Plan&, const Binder&) { return ""; }

}  // namespace brainsurgery
