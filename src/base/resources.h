// What this process may use of the machine: processors and memory, under CPU affinity and control groups (v1 and v2).
#pragma once

#include <cstdint>
#include <string>

namespace brainsurgery {

// Where the system describes itself; tests point it elsewhere.
struct SystemFiles {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
};

// Threads worth starting: the processors that we may run on, less if a control group grants less time (rounded up),
// >= 1.
[[nodiscard]] int default_thread_count(const SystemFiles& files = {});

// Bytes that can be allocated without swapping or being killed: MemAvailable, less if a control group grants less; its
// reclaimable file cache counts as available.
[[nodiscard]] std::int64_t available_memory_bytes(const SystemFiles& files = {});

// Blocks of up to 32 MB that are freed stay with the process and are given out again, rather than being cleared by the
// system each time. For the beginning of main(); where the allocator is not glibc's it does nothing.
void keep_freed_memory();

// Of this process: bytes of memory that are resident now, and the most that ever were; 0 where the system does not say.
// Mapped files count as far as they are in memory.
[[nodiscard]] std::int64_t resident_bytes(const SystemFiles& files = {});
[[nodiscard]] std::int64_t peak_resident_bytes(const SystemFiles& files = {});

}  // namespace brainsurgery
