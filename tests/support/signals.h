// Signals cancel the work of this thread, as in the program.
//
//   const Signals signals;
//   std::raise(SIGINT);       // throw_if_interrupted() throws from now on
#pragma once

#include "base/interrupt.h"

namespace brainsurgery::testing {

class Signals {
 public:
  Signals() : scope_(&cancellation()) {
    install_interrupt_handlers(cancellation());
    clear_interrupt();
  }
  ~Signals() { clear_interrupt(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  static Cancellation& cancellation() {
    static Cancellation cancellation;
    return cancellation;
  }
  CancellationScope scope_;
};

}  // namespace brainsurgery::testing
