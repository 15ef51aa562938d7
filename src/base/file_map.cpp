#include "base/file_map.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "base/mutex.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// A registered mapping, [begin, end); begin 0: the slot is free. `begin` is written last and cleared first.
struct Slot {
  std::atomic<std::uintptr_t> begin{0}, end{0};
  std::atomic<bool> damaged{false};
};

// Slots live in blocks that are chained and never freed, so that the handler may walk them at any time.
struct Block {
  std::array<Slot, 256> slots;
  std::atomic<Block*> next{nullptr};
};

static_assert(std::atomic<std::uintptr_t>::is_always_lock_free && std::atomic<Block*>::is_always_lock_free);

struct Registry {
  Mutex mutex;  // for those who add slots; the handler does not take it
  Block first;
  std::uintptr_t page_size = 4096;
  struct sigaction previous {};
};
Registry registry;

Slot& add_slot(std::uintptr_t begin, std::uintptr_t end) {
  MutexLock lock(registry.mutex);
  for (Block* block = &registry.first;; block = block->next.load()) {
    for (Slot& slot : block->slots) {
      if (slot.begin.load() != 0) continue;
      slot.damaged.store(false);
      slot.end.store(end);
      slot.begin.store(begin);
      return slot;
    }
    if (block->next.load() == nullptr) block->next.store(new Block);
  }
}

Slot* find_slot(std::uintptr_t address) {
  for (Block* block = &registry.first; block != nullptr; block = block->next.load()) {
    for (Slot& slot : block->slots) {
      const std::uintptr_t begin = slot.begin.load();
      if (begin != 0 && address >= begin && address < slot.end.load() && slot.begin.load() == begin) return &slot;
    }
  }
  return nullptr;
}

// Async-signal-safe: atomics and system calls only.
void on_bus_error(int signal, siginfo_t* info, void*) {
  const int saved_errno = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  Slot* slot = info->si_code > 0 ? find_slot(address) : nullptr;
  if (slot != nullptr) {
    void* page = reinterpret_cast<void*>(address & ~(registry.page_size - 1));
    void* zeros = ::mmap(page, registry.page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    slot->damaged.store(true);
    errno = saved_errno;
    if (zeros != MAP_FAILED) return;
  }
  // Not ours: returning repeats a real fault under the previous handler; one that was sent must be sent again.
  ::sigaction(SIGBUS, &registry.previous, nullptr);
  if (info->si_code <= 0) ::raise(signal);
  errno = saved_errno;
}

class PosixFileMap final : public FileMap {
 public:
  PosixFileMap(void* address, std::size_t size)
      : address_(address),
        size_(size),
        slot_(add_slot(reinterpret_cast<std::uintptr_t>(address), reinterpret_cast<std::uintptr_t>(address) + size)) {}

  ~PosixFileMap() override {
    slot_.begin.store(0);
    ::munmap(address_, size_);
  }

  std::span<const std::byte> bytes() const override { return {static_cast<const std::byte*>(address_), size_}; }
  bool damaged() const override { return slot_.damaged.load(); }

  void release(std::int64_t offset, std::int64_t size) const override {
    if (size <= 0) return;
    const auto page = static_cast<std::int64_t>(registry.page_size);
    // Only whole pages, except that the file's last one may be cut off: neighbours may still be in use.
    const std::int64_t end = std::min(offset + size, static_cast<std::int64_t>(size_));
    const std::int64_t first = (offset + page - 1) / page * page;
    const std::int64_t last = end == static_cast<std::int64_t>(size_) ? end : end / page * page;
    if (last <= first) return;
    (void)::madvise(static_cast<std::byte*>(address_) + first, static_cast<std::size_t>(last - first), MADV_DONTNEED);
  }

 private:
  void* address_;
  std::size_t size_;
  Slot& slot_;
};

class EmptyFileMap final : public FileMap {
 public:
  std::span<const std::byte> bytes() const override { return {}; }
  void release(std::int64_t, std::int64_t) const override {}
  bool damaged() const override { return false; }
};

}  // namespace

void install_map_fault_handler() {
  registry.page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &registry.previous);
}

std::shared_ptr<const FileMap> map_file(int fd, std::int64_t size, const std::string& path) {
  if (size <= 0) return std::make_shared<EmptyFileMap>();
  void* address = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) {
    throw Error(ErrorCode::run, fmt::format("cannot map '{}': {}", path, std::generic_category().message(errno)));
  }
  return std::make_shared<PosixFileMap>(address, static_cast<std::size_t>(size));
}

}  // namespace brainsurgery
