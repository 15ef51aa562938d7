#include "commands/families.h"

namespace brainsurgery {

void add_commands(StepRegistry& registry, const FormatNames& formats) {
  add_load_save(registry, formats);
  add_config(registry);
  add_prefixes(registry);
  add_renumber(registry);
  add_dump(registry);
  add_diff(registry);
  add_control(registry);
  add_execute(registry, formats);
  add_help(registry);
}

}  // namespace brainsurgery
