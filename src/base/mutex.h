// A mutex whose use clang checks (-Wthread-safety); with other compilers the annotations are empty.
//
//   Mutex mutex_;
//   int next_ BS_GUARDED_BY(mutex_) = 0;
//   { MutexLock lock(mutex_); ++next_; }
//
// Wait with std::condition_variable_any on the Mutex itself, in a loop, while holding a MutexLock.
#pragma once

#include <mutex>

#if defined(__clang__)
#define BS_ANNOTATE(x) __attribute__((x))
#else
#define BS_ANNOTATE(x)
#endif
#define BS_GUARDED_BY(mutex) BS_ANNOTATE(guarded_by(mutex))
#define BS_REQUIRES(mutex) BS_ANNOTATE(requires_capability(mutex))

namespace brainsurgery {

class BS_ANNOTATE(capability("mutex")) Mutex {
 public:
  void lock() BS_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void unlock() BS_ANNOTATE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class BS_ANNOTATE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BS_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() BS_ANNOTATE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace brainsurgery
