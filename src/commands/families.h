// The families of commands, one function and one file each; all_commands.cpp calls them.
#pragma once

#include "commands/command.h"

namespace brainsurgery {

void add_load_save(CommandRegistry& registry, const FormatNames& formats);  // load save
void add_prefixes(CommandRegistry& registry);                               // prefixes
void add_dump(CommandRegistry& registry);                                   // dump
void add_diff(CommandRegistry& registry);                                   // diff
void add_control(CommandRegistry& registry);                                // set exit
void add_execute(CommandRegistry& registry);                                // execute
void add_help(CommandRegistry& registry);                                   // help

}  // namespace brainsurgery
