#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <system_error>

#include "base/interrupt.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

std::exception_ptr failure_of(const std::function<void(int)>& work, int worker) {
  try {
    work(worker);
    return nullptr;
  } catch (...) {  // carried to the caller of run()
    return std::current_exception();
  }
}

}  // namespace

ThreadPool::ThreadPool(int threads) : failures_(static_cast<std::size_t>(std::max(threads, 1))) {
  BS_CHECK(threads >= 1);
  try {
    threads_.reserve(static_cast<std::size_t>(threads) - 1);
    for (int worker = 1; worker < threads; ++worker) {
      threads_.emplace_back([this, worker] { serve(worker); });
    }
  } catch (const std::system_error& error) {
    stop();
    throw Error(ErrorCode::run, "cannot start " + std::to_string(threads) + " threads: " + error.code().message(), {},
                {"a smaller number of threads may help"});
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  started_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(const std::function<void(int worker)>& work) {
  std::fill(failures_.begin(), failures_.end(), nullptr);
  {
    MutexLock lock(mutex_);
    BS_CHECK(work_ == nullptr);
    work_ = &work;
    cancellation_ = current_cancellation();
    busy_ = static_cast<int>(threads_.size());
    ++round_;
  }
  started_.notify_all();
  failures_[0] = failure_of(work, 0);
  {
    MutexLock lock(mutex_);
    while (busy_ > 0) finished_.wait(mutex_);
    work_ = nullptr;
  }
  for (const std::exception_ptr& failure : failures_) {
    if (failure != nullptr) std::rethrow_exception(failure);
  }
}

void ThreadPool::serve(int worker) {
  std::uint64_t done = 0;
  for (;;) {
    const std::function<void(int)>* work = nullptr;
    Cancellation* cancellation = nullptr;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && round_ == done) started_.wait(mutex_);
      if (stopping_) return;
      done = round_;
      work = work_;
      cancellation = cancellation_;
    }
    const CancellationScope scope(cancellation);
    std::exception_ptr failure = failure_of(*work, worker);
    failures_[static_cast<std::size_t>(worker)] = std::move(failure);
    bool last = false;
    {
      MutexLock lock(mutex_);
      last = --busy_ == 0;
    }
    if (last) finished_.notify_one();
  }
}

void for_each_index(ThreadPool& pool, std::size_t count, const std::function<void(std::size_t index)>& work) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  pool.run([&](int) {
    while (!failed) {
      const std::size_t index = next++;  // all below were taken, and are finished
      if (index >= count) return;
      try {
        work(index);
      } catch (...) {  // carried to the caller
        failures[index] = std::current_exception();
        failed = true;
      }
    }
  });
  for (const std::exception_ptr& failure : failures) {
    if (failure != nullptr) std::rethrow_exception(failure);
  }
}

}  // namespace brainsurgery
