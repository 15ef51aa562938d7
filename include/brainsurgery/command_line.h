// The program's command line, for programs that add steps of their own.
//
//   int main(int argc, char** argv) { return brainsurgery::command_line_main(argc, argv, my_registries()); }
#pragma once

#include "brainsurgery/registries.h"

namespace brainsurgery {

// All of the program: takes the process' streams and signals, to be called once, by main. Returns the exit code: 0 done,
// 1 an assertion failed, 2 the plan or the command line is wrong, 3 the run failed, 4 a bug.
[[nodiscard]] int command_line_main(int argc, const char* const* argv, const Registries& registries);

}  // namespace brainsurgery
