#include "brainsurgery/command_line.h"

int main(int argc, char** argv) {
  return brainsurgery::command_line_main(argc, argv, brainsurgery::builtin_registries());
}
