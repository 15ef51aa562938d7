#include "merging/families.h"

namespace brainsurgery {

void add_merging(StepRegistry& registry) {
  add_lora_merge(registry);
}

}  // namespace brainsurgery
