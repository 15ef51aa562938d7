// How work notices that it is to end (brainsurgery/cancellation.h), and how signals ask for it.
//
//   CancellationScope scope(&cancellation);   // of this thread, and of the workers of pools that it runs
//   throw_if_interrupted();                   // between tiles, names, keys
//
// A thread works for one run at a time, and everything below the session looks at that run's cancellation: it belongs to
// the thread (docs/decisions/0011-cancellation.md).
#pragma once

#include "brainsurgery/cancellation.h"

namespace brainsurgery {

// Gives this thread another cancellation until the end of the scope; nullptr: it keeps the one that it has.
class CancellationScope {
 public:
  explicit CancellationScope(Cancellation* cancellation);
  ~CancellationScope();
  CancellationScope(const CancellationScope&) = delete;
  CancellationScope& operator=(const CancellationScope&) = delete;

 private:
  Cancellation* before_;
};

// nullptr: nothing cancels the work of this thread.
[[nodiscard]] Cancellation* current_cancellation();

[[nodiscard]] bool interrupted();

// Throws Error(run) "cancelled" or "interrupted by Ctrl-C" once this thread's work is cancelled. Cheap.
void throw_if_interrupted();

// From now on the first signal that would end the program (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGXCPU
// and so on; not those of crashes) cancels this work, which must outlive the process' signals, and a second one kills as
// usual; SIGPIPE and SIGXFSZ are ignored, so that writing to a closed pipe or beyond a file size limit is an error of
// that write. A signal that was ignored before (nohup) stays ignored. System calls are interrupted (EINTR), so that a
// prompt notices.
void install_interrupt_handlers(Cancellation& cancellation);

// Whether Ctrl-C cancelled this thread's work; if so takes that back. A prompt survives it, the others it does not.
[[nodiscard]] bool take_ctrl_c();

// Takes the cancellation of this thread's work back and arms the handlers again, if there are some.
void clear_interrupt();

}  // namespace brainsurgery
