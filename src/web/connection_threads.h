// A thread for each connection, up to a number of them, so that slow clients and those that listen to events keep nobody
// else waiting.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace brainsurgery::web {

class ConnectionThreads final : public httplib::TaskQueue {
 public:
  // `most`: further connections wait until one of these ends.
  explicit ConnectionThreads(std::size_t most) : most_(most) {}
  ~ConnectionThreads() override { shutdown(); }
  ConnectionThreads(const ConnectionThreads&) = delete;
  ConnectionThreads& operator=(const ConnectionThreads&) = delete;

  void enqueue(std::function<void()> connection) override;
  // Returns when all connections have ended.
  void shutdown() override;

 private:
  void serve();

  const std::size_t most_;
  Mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<std::function<void()>> waiting_ BS_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
  std::size_t idle_ BS_GUARDED_BY(mutex_) = 0;
  bool stopping_ BS_GUARDED_BY(mutex_) = false;
};

}  // namespace brainsurgery::web
