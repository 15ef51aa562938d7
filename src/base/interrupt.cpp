#include "base/interrupt.h"

#include <array>
#include <atomic>
#include <csignal>
#include <string>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

constexpr std::array<int, 3> kSignals{SIGINT, SIGTERM, SIGHUP};

std::atomic<int> caught_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void remember(int signal) {
  caught_signal.store(signal);
  for (const int each : kSignals) {
    if (!is_ignored(each)) set_handler(each, SIG_DFL);
  }
}

}  // namespace

void install_interrupt_handlers() {
  for (const int signal : kSignals) {
    if (!is_ignored(signal)) set_handler(signal, remember);
  }
  for (const int signal : {SIGPIPE, SIGXFSZ}) set_handler(signal, SIG_IGN);
}

bool interrupted() { return caught_signal.load(std::memory_order_relaxed) != 0; }

void throw_if_interrupted() {
  const int signal = caught_signal.load(std::memory_order_relaxed);
  if (signal == 0) return;
  const std::string name = signal == SIGINT ? "Ctrl-C" : signal == SIGTERM ? "SIGTERM" : "SIGHUP";
  throw Error(ErrorCode::run, "interrupted by " + name);
}

bool take_ctrl_c() {
  if (caught_signal.load() != SIGINT) return false;
  clear_interrupt();
  return true;
}

void clear_interrupt() {
  caught_signal.store(0);
  install_interrupt_handlers();
}

}  // namespace brainsurgery
