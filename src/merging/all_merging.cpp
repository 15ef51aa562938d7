#include "merging/families.h"

namespace brainsurgery {

void add_merging(StepRegistry&) {}

}  // namespace brainsurgery
