// The only threads of the program.
//
//   ThreadPool pool(default_thread_count());      // base/resources.h
//   pool.run([&](int worker) { while (auto tile = queue.next()) process(*tile, buffers[worker]); });
//
// run() does the same work on every worker; the caller is worker 0, so a pool of one thread starts none. Work is
// divided by whoever calls (a queue, an atomic counter). run() must not be called by two threads at once, nor from
// inside of work.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "brainsurgery/cancellation.h"

namespace brainsurgery {

class ThreadPool {
 public:
  // `threads` >= 1, the caller included. Throws Error(run) when the system refuses threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls work(0) ... work(size() - 1), all at once, and returns when all have returned. If several throw, the
  // exception of the lowest worker goes to the caller. Other workers are not stopped: work should look at a flag of its
  // own. What cancels the caller's work cancels that of all workers.
  void run(const std::function<void(int worker)>& work);

 private:
  void serve(int worker);
  void stop();

  Mutex mutex_;
  std::condition_variable_any started_, finished_;
  std::uint64_t round_ BS_GUARDED_BY(mutex_) = 0;  // counts the calls of run
  int busy_ BS_GUARDED_BY(mutex_) = 0;
  bool stopping_ BS_GUARDED_BY(mutex_) = false;
  const std::function<void(int)>* work_ BS_GUARDED_BY(mutex_) = nullptr;
  Cancellation* cancellation_ BS_GUARDED_BY(mutex_) = nullptr;  // of the thread that called run
  std::vector<std::exception_ptr> failures_;  // one per worker, written by that worker only
  std::vector<std::thread> threads_;
};

// Calls work(0) ... work(count - 1), each once, several at a time. After a failure no more are begun, and the one of
// the lowest index goes to the caller, as if they had been called in order.
void for_each_index(ThreadPool& pool, std::size_t count, const std::function<void(std::size_t index)>& work);

}  // namespace brainsurgery
