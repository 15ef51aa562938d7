#include "base/interrupt.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// All that end a program which does not catch them, but for those that mean a bug of it. Of the real-time signals those
// that the C library leaves to programs.
std::vector<int> ending_signals() {
  std::vector<int> signals{SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGALRM, SIGVTALRM, SIGPROF,
                           SIGUSR1, SIGUSR2, SIGXCPU, SIGPOLL, SIGPWR,  SIGSTKFLT};
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) signals.push_back(signal);
  return signals;
}

const std::vector<int> kSignals = ending_signals();

std::atomic<int> caught_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

auto handler_of(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 ? action.sa_handler : SIG_IGN;
}

void remember(int signal) {
  caught_signal.store(signal);
  for (const int each : kSignals) {
    if (handler_of(each) == remember) set_handler(each, SIG_DFL);
  }
}

}  // namespace

void install_interrupt_handlers() {
  for (const int signal : kSignals) {
    if (handler_of(signal) == SIG_DFL) set_handler(signal, remember);
  }
  for (const int signal : {SIGPIPE, SIGXFSZ}) set_handler(signal, SIG_IGN);
}

bool interrupted() { return caught_signal.load(std::memory_order_relaxed) != 0; }

void throw_if_interrupted() {
  const int signal = caught_signal.load(std::memory_order_relaxed);
  if (signal == 0) return;
  const char* name = ::sigabbrev_np(signal);
  throw Error(ErrorCode::run, signal == SIGINT  ? "interrupted by Ctrl-C"
                              : name != nullptr ? fmt::format("interrupted by SIG{}", name)
                                                : fmt::format("interrupted by signal {}", signal));
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
