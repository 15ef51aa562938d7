#include "web/connection_threads.h"

#include <system_error>
#include <utility>

namespace brainsurgery::web {

// Called by the one thread that accepts connections.
void ConnectionThreads::enqueue(std::function<void()> connection) {
  bool needs_thread = false;
  {
    const MutexLock lock(mutex_);
    waiting_.push_back(std::move(connection));
    needs_thread = waiting_.size() > idle_ && threads_.size() < most_;
  }
  arrived_.notify_one();
  if (!needs_thread) return;
  try {
    threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error&) {  // the system has no more: the connection waits for one of the others
    if (threads_.empty()) throw;
  }
}

void ConnectionThreads::serve() {
  while (true) {
    std::function<void()> connection;
    {
      const MutexLock lock(mutex_);
      ++idle_;
      while (waiting_.empty() && !stopping_) arrived_.wait(mutex_);
      --idle_;
      if (waiting_.empty()) return;
      connection = std::move(waiting_.front());
      waiting_.pop_front();
    }
    connection();
  }
}

void ConnectionThreads::shutdown() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace brainsurgery::web
