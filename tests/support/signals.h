// Signals cancel the work of this thread, as in the program.
//
//   const Signals signals;
//   options.cancellation = Signals::cancellation();
//   std::raise(SIGINT);       // throw_if_interrupted() throws from now on
#pragma once

#include <memory>

#include "base/interrupt.h"

namespace brainsurgery::testing {

class Signals {
 public:
  Signals() : scope_(cancellation().get()) {
    install_interrupt_handlers(*cancellation());
    clear_interrupt();
  }
  ~Signals() { clear_interrupt(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  static const std::shared_ptr<Cancellation>& cancellation() {
    static const auto cancellation = std::make_shared<Cancellation>();
    return cancellation;
  }

 private:
  CancellationScope scope_;
};

}  // namespace brainsurgery::testing
