// Ends what a session does, from another thread or from a signal handler.
//
//   SessionOptions options;
//   options.cancellation = std::make_shared<Cancellation>();
//   Session session(posix_env(), events, options);
//   std::thread watcher([&] { wait_for_button(); options.cancellation->cancel(); });
//   session.run(plan);    // Error(run) "cancelled"; no target was changed, unless all were complete already
//
// Work looks at its cancellation between tiles, names and keys, many times a second; one dense operation or call of the
// system is not interrupted. Sessions with a Cancellation each are cancelled independently of each other.
#pragma once

#include <atomic>

namespace brainsurgery {

// All functions may be called from several threads, and from signal handlers.
class Cancellation {
 public:
  void cancel() noexcept { cause_.store(kProgram); }
  // The same; the message names the signal: "interrupted by SIGTERM".
  void cancel_by_signal(int signal) noexcept { cause_.store(signal); }
  // Whether one of both was called. It stays so: whatever looks at it from then on ends at once.
  [[nodiscard]] bool requested() const noexcept { return cause_.load(std::memory_order_relaxed) != 0; }
  // The signal's number; 0: none.
  [[nodiscard]] int signal() const noexcept {
    const int cause = cause_.load();
    return cause == kProgram ? 0 : cause;
  }
  // Later work is not cancelled.
  void reset() noexcept { cause_.store(0); }

 private:
  static constexpr int kProgram = -1;
  static_assert(std::atomic<int>::is_always_lock_free);
  std::atomic<int> cause_ = 0;
};

}  // namespace brainsurgery
