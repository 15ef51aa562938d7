#include "merging/families.h"

namespace brainsurgery {

void add_merging(StepRegistry& registry) {
  add_lora_merge(registry);
  add_lora_extract(registry);
  add_lora_combine(registry);
  add_merge(registry);
}

}  // namespace brainsurgery
