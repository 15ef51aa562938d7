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

// Signals belong to the process: the one mutable global of the program, which the handler reads.
std::atomic<Cancellation*> signal_target{nullptr};
static_assert(std::atomic<Cancellation*>::is_always_lock_free);

constinit thread_local Cancellation* current = nullptr;

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
  signal_target.load()->cancel_by_signal(signal);
  for (const int each : kSignals) {
    if (handler_of(each) == remember) set_handler(each, SIG_DFL);
  }
}

void arm_handlers() {
  for (const int signal : kSignals) {
    if (handler_of(signal) == SIG_DFL) set_handler(signal, remember);
  }
}

}  // namespace

CancellationScope::CancellationScope(Cancellation* cancellation) : before_(current) {
  if (cancellation != nullptr) current = cancellation;
}
CancellationScope::~CancellationScope() { current = before_; }

Cancellation* current_cancellation() { return current; }

void install_interrupt_handlers(Cancellation& cancellation) {
  signal_target.store(&cancellation);
  arm_handlers();
  for (const int signal : {SIGPIPE, SIGXFSZ}) set_handler(signal, SIG_IGN);
}

bool interrupted() { return current != nullptr && current->requested(); }

void throw_if_interrupted() {
  if (!interrupted()) return;
  const int signal = current->signal();
  if (signal == 0) throw Error(ErrorCode::run, "cancelled");
  const char* name = ::sigabbrev_np(signal);
  throw Error(ErrorCode::run, signal == SIGINT  ? "interrupted by Ctrl-C"
                              : name != nullptr ? fmt::format("interrupted by SIG{}", name)
                                                : fmt::format("interrupted by signal {}", signal));
}

bool take_ctrl_c() {
  if (current == nullptr || current->signal() != SIGINT) return false;
  clear_interrupt();
  return true;
}

void clear_interrupt() {
  if (current != nullptr) current->reset();
  if (signal_target.load() != nullptr) arm_handlers();
}

}  // namespace brainsurgery
