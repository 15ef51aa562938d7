#include <algorithm>

#include "brainsurgery/error.h"
#include "commands/families.h"

namespace brainsurgery {

void CommandRegistry::add(Command command) {
  BS_CHECK(find(command.schema.name) == nullptr);
  commands_.push_back(std::move(command));
}

const Command* CommandRegistry::find(std::string_view name) const {
  const auto found = std::ranges::find(commands_, name,
                                       [](const Command& command) -> std::string_view { return command.schema.name; });
  return found == commands_.end() ? nullptr : &*found;
}

CommandRegistry all_commands(const FormatNames& formats) {
  CommandRegistry registry;
  add_load_save(registry, formats);
  add_prefixes(registry);
  add_dump(registry);
  add_diff(registry);
  add_control(registry);
  add_execute(registry);
  add_help(registry);
  return registry;
}

}  // namespace brainsurgery
