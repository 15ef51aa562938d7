// Sources: Linux kernel documentation, admin-guide/cgroup-v2 (cpu.max, memory.max) and admin-guide/cgroup-v1.
#include "base/resources.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/text.h"

namespace brainsurgery {
namespace {

// These files are read with streams: they are the system's, tiny, and their absence is an answer.
std::optional<std::string> slurp(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<std::int64_t> number(std::string_view text) {
  text = trim(text);
  std::int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{}) return std::nullopt;
  return value;
}

std::optional<std::int64_t> number_in(const std::string& path) {
  const auto text = slurp(path);
  return text ? number(*text) : std::nullopt;
}

// The value after `key` in lines of "key value".
std::optional<std::int64_t> value_of(const std::string& path, std::string_view key) {
  std::istringstream lines(slurp(path).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return number(std::string_view(line).substr(key.size()));
  }
  return std::nullopt;
}

// The folders of our control group for a controller, innermost first, up to the root: a limit on any level binds.
// `controller` empty: the unified hierarchy (v2).
std::vector<std::string> group_folders(const SystemFiles& files, std::string_view controller) {
  std::istringstream lines(slurp(files.proc + "/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool ours = controller.empty() ? controllers == ",,"
                                         : controllers.find("," + std::string(controller) + ",") != std::string::npos;
    if (!ours) continue;
    const std::string root = files.cgroup + (controller.empty() ? "" : "/" + std::string(controller));
    std::vector<std::string> folders;
    for (std::string path = line.substr(second + 1); path.size() > 1; path.resize(path.rfind('/'))) {
      folders.push_back(root + path);
    }
    folders.push_back(root);
    return folders;
  }
  return {};
}

double granted_processors(const SystemFiles& files) {
  double granted = std::numeric_limits<double>::infinity();
  for (const std::string& folder : group_folders(files, "")) {
    std::istringstream text(slurp(folder + "/cpu.max").value_or(""));
    std::string quota_text;
    double period = 0;
    if (!(text >> quota_text >> period) || period <= 0) continue;
    if (const auto quota = number(quota_text)) granted = std::min(granted, static_cast<double>(*quota) / period);
  }
  for (const std::string& folder : group_folders(files, "cpu")) {
    const auto quota = number_in(folder + "/cpu.cfs_quota_us"), period = number_in(folder + "/cpu.cfs_period_us");
    if (quota && period && *quota > 0 && *period > 0) {
      granted = std::min(granted, static_cast<double>(*quota) / static_cast<double>(*period));
    }
  }
  return granted;
}

int affine_processors() {
  // The kernel refuses a set smaller than its own; 1024 is not the largest machine.
  for (std::size_t count = 1024; count <= 1U << 20; count *= 4) {
    std::vector<cpu_set_t> sets(count / (8 * sizeof(cpu_set_t)) + 1);
    const std::size_t bytes = sets.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, sets.data()) == 0) return CPU_COUNT_S(bytes, sets.data());
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

struct GroupMemory {
  std::string_view controller, limit, used, cache;
};
constexpr GroupMemory kVersions[] = {
    {"", "/memory.max", "/memory.current", "inactive_file "},
    {"memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file "},
};

}  // namespace

int default_thread_count(const SystemFiles& files) {
  const int processors = std::max(affine_processors(), 1);
  const double granted = granted_processors(files);
  if (granted >= processors) return processors;
  const int whole = static_cast<int>(granted);
  return std::max(whole + (granted > whole ? 1 : 0), 1);
}

std::int64_t available_memory_bytes(const SystemFiles& files) {
  std::int64_t available = std::numeric_limits<std::int64_t>::max();
  if (const auto kilobytes = value_of(files.proc + "/meminfo", "MemAvailable:")) available = *kilobytes * 1024;
  for (const GroupMemory& version : kVersions) {
    for (const std::string& folder : group_folders(files, version.controller)) {
      const auto limit = number_in(folder + std::string(version.limit));
      const auto used = number_in(folder + std::string(version.used));
      if (!limit || !used) continue;
      const std::int64_t cache = value_of(folder + "/memory.stat", version.cache).value_or(0);
      available = std::min(available, std::max<std::int64_t>(*limit - std::max<std::int64_t>(*used - cache, 0), 0));
    }
  }
  return available;
}

std::int64_t resident_bytes(const SystemFiles& files) {
  return value_of(files.proc + "/self/status", "VmRSS:").value_or(0) * 1024;
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that it takes
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

std::int64_t peak_resident_bytes(const SystemFiles& files) {
  return value_of(files.proc + "/self/status", "VmHWM:").value_or(0) * 1024;
}

}  // namespace brainsurgery
