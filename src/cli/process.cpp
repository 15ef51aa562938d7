// The command line on the process' own streams and signals.
#include "brainsurgery/command_line.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>

#include "base/interrupt.h"
#include "base/interruptible_input.h"
#include "base/resources.h"
#include "cli/command_line.h"

namespace brainsurgery {
namespace {

int columns_of_stderr() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool stdout_is_closed_pipe() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int command_line_main(int argc, const char* const* argv, const Registries& registries) {
  std::ios::sync_with_stdio(false);
  keep_freed_memory();
  static Cancellation cancellation;  // a signal may come when main has ended
  install_interrupt_handlers(cancellation);
  const CancellationScope scope(&cancellation);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  InterruptibleInput buffer(STDIN_FILENO);
  std::istream in(&buffer);
  return run_command_line(
      arguments, {in, std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1, ::isatty(STDOUT_FILENO) == 1,
                  ::isatty(STDIN_FILENO) == 1, columns_of_stderr, stdout_is_closed_pipe,
                  {&cancellation, [](const Cancellation*) {}}},
      registries);
}

}  // namespace brainsurgery
