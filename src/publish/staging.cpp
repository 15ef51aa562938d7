#include "publish/staging.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "base/units.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// Names are at most 255 bytes; a long one is cut so that ours fits around it.
constexpr std::size_t kMaxNameInStaging = 200;

constexpr std::string_view kMark = ".brainsurgery-";
constexpr std::size_t kInodeDigits = 16, kRandomDigits = 8;

constexpr int kLockTries = 50;
constexpr std::chrono::milliseconds kLockWait{20};

std::string staging_prefix(const std::string& target_name) {
  return (target_name.empty() ? "" : "." + target_name.substr(0, kMaxNameInStaging)) + std::string(kMark);
}

std::optional<std::string_view> staging_digits(std::string_view entry, const std::string& target_name,
                                               std::string_view suffix) {
  const std::string prefix = staging_prefix(target_name);
  if (entry.size() < prefix.size() + suffix.size() || !entry.starts_with(prefix) || !entry.ends_with(suffix))
    return std::nullopt;
  const std::string_view digits = entry.substr(prefix.size(), entry.size() - prefix.size() - suffix.size());
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hexadecimal ? std::optional(digits) : std::nullopt;
}

// Until the inode of a new entry is known.
std::string random_name(const std::string& target_name, std::string_view suffix) {
  std::random_device random;
  return fmt::format("{}{:08x}{}", staging_prefix(target_name), random(), suffix);
}

}  // namespace

PathParts split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::string join_path(const std::string& directory, const std::string& name) {
  return directory.ends_with('/') ? directory + name : directory + "/" + name;
}

bool is_housekeeping(std::string_view name) {
  return name.starts_with('.') && name.find(kMark) != std::string_view::npos;
}

std::optional<std::string> housekeeping_name_in(std::string_view path) {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (is_housekeeping(path.substr(0, end))) return std::string(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return std::nullopt;
}

void refuse_housekeeping(const std::string& target) {
  const std::optional<std::string> name = housekeeping_name_in(target);
  if (!name) return;
  throw Error(ErrorCode::run,
              fmt::format("cannot write '{}': names like '{}' are kept for unfinished publications", target, *name));
}

bool is_any_staging_name(std::string_view entry) {
  const std::size_t mark = entry.rfind(kMark);
  if (mark == std::string_view::npos || !entry.starts_with('.')) return false;
  std::string_view digits = entry.substr(mark + kMark.size());
  for (const std::string_view suffix : {kDirectorySuffix, kFileSuffix}) {
    if (digits.ends_with(suffix)) digits.remove_suffix(suffix.size());
  }
  return is_staging_name(std::string(kMark) + std::string(digits), "", "");
}

std::string staging_name(const std::string& target_name, std::string_view suffix, std::uint64_t inode) {
  return fmt::format("{}{:016x}{}", staging_prefix(target_name), inode, suffix);
}

bool is_staging_name(std::string_view entry, const std::string& target_name, std::string_view suffix) {
  const std::optional<std::string_view> digits = staging_digits(entry, target_name, suffix);
  return digits && (digits->size() == kInodeDigits || digits->size() == kRandomDigits);
}

bool remove_stale(Env& env, const std::string& directory, const std::string& name, const std::string& target_name,
                  std::string_view suffix) {
  if (!is_staging_name(name, target_name, suffix)) return false;
  const std::string path = join_path(directory, name);
  const auto status = env.status(path, false);
  if (!status) return false;
  const bool is_directory = status->kind == FileStatus::Kind::directory;
  if (!is_directory && status->kind != FileStatus::Kind::regular) return false;
  // One that was just made, and one that was swapped out and cleared, has no proof in its name, but nothing to lose.
  const bool is_empty = is_directory ? env.list(path).empty() : status->size == 0;
  if (name != staging_name(target_name, suffix, status->inode) && !is_empty) return false;
  const auto lock = env.try_lock(path);
  if (lock == nullptr) return false;
  if (is_directory) {
    remove_flat_directory(env, path);
  } else {
    env.remove(path);
  }
  return true;
}

bool attempt(const std::function<void()>& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::run) throw;
    return false;
  }
}

void refuse_special_place(const std::string& target) {
  constexpr std::array<std::string_view, 3> kPlaces{"/dev/", "/proc/", "/sys/"};
  const bool special =
      std::any_of(kPlaces.begin(), kPlaces.end(), [&](auto place) { return target.starts_with(place); });
  if (special && !target.starts_with("/dev/shm/")) {
    throw Error(ErrorCode::run, fmt::format("cannot write '{}': it is not a place for files", target));
  }
}

void remove_flat_directory(Env& env, const std::string& directory) {
  const auto status = env.status(directory, false);
  if (!status || status->kind != FileStatus::Kind::directory) {
    throw Error(ErrorCode::run, fmt::format("cannot remove '{}': it is not a directory", directory));
  }
  for (const std::string& name : env.list(directory)) env.remove(join_path(directory, name));
  env.remove(directory);
}

Parents::Parents(Env& env, const std::string& directory) : env_(env) {
  for (std::string path = directory; !env.status(path).has_value(); path = split_path(path).directory) {
    made_.push_back(path);
  }
  env.make_directories(directory);
}

Parents::~Parents() {
  for (const std::string& path : made_) {
    if (!attempt([&] { env_.remove(path); })) return;
  }
}

StagingEntry::StagingEntry(Env& env, const std::string& directory, const std::string& target_name,
                           std::string_view suffix, Kind kind)
    : env_(env), kind_(kind) {
  // Between making and locking it another run may take it for stale; more than once is no accident but a file system
  // without locks, on which nobody removes it.
  for (int tries = 0; tries < 2; ++tries) {
    if (make(directory, target_name, suffix)) return;
  }
}

bool StagingEntry::make(const std::string& directory, const std::string& target_name, std::string_view suffix) {
  if (!path_.empty()) attempt([&] { env_.remove(path_); });
  const std::string path = join_path(directory, random_name(target_name, suffix));
  if (kind_ == Kind::file) {
    file_ = env_.create(path);
  } else {
    env_.make_directory(path);
  }
  path_ = path;
  if (!attempt([&] { lock_ = env_.try_lock(path); })) lock_ = nullptr;
  std::optional<FileStatus> status;
  attempt([&] {
    status = env_.status(path, false);
    if (status) move_to(join_path(directory, staging_name(target_name, suffix, status->inode)));
  });
  return lock_ != nullptr && status.has_value();
}

StagingEntry::~StagingEntry() {
  file_.reset();
  if (released_) return;
  attempt([&] {
    if (kind_ == Kind::file) {
      env_.remove(path_);
    } else {
      remove_flat_directory(env_, path_);
    }
  });
}

void StagingEntry::move_to(const std::string& path) {
  env_.rename(path_, path);
  path_ = path;
}

std::unique_ptr<FileLock> lock_directory(Env& env, const std::string& directory, const std::string& shown) {
  // Another run that only starts holds it for a moment; one that publishes, for as long as it renames and removes.
  std::optional<bool> has_locks;
  for (int tries = 0;; ++tries) {
    std::unique_ptr<FileLock> lock = env.try_lock(directory);
    if (lock != nullptr) return lock;
    // Where an entry of our own cannot be locked the file system has no locks at all.
    if (!has_locks) has_locks = StagingEntry(env, directory, "", "", StagingEntry::Kind::directory).locked();
    if (!*has_locks) return nullptr;
    if (tries == kLockTries) throw Error(ErrorCode::run, fmt::format("another program is publishing to '{}'", shown));
    std::this_thread::sleep_for(kLockWait);
  }
}

void check_free_space(Env& env, const std::string& directory, std::int64_t bytes) {
  std::string path = directory;
  while (!env.status(path).has_value() && path != split_path(path).directory) path = split_path(path).directory;
  const std::int64_t free = env.free_bytes(path);
  if (free < bytes) {
    throw Error(ErrorCode::run, fmt::format("not enough space in '{}': {} needed, {} free", directory,
                                            format_size(bytes), format_size(free)));
  }
}

}  // namespace brainsurgery
