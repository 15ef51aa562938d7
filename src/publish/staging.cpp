#include "publish/staging.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

#include "base/units.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// Names are at most 255 bytes; a long one is cut so that ours fits around it.
constexpr std::size_t kMaxNameInStaging = 200;

std::string staging_prefix(const std::string& target_name) {
  return (target_name.empty() ? "" : "." + target_name.substr(0, kMaxNameInStaging)) + ".brainsurgery-";
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

std::string staging_name(const std::string& target_name, std::string_view suffix) {
  std::random_device random;
  return fmt::format("{}{:08x}{}", staging_prefix(target_name), random(), suffix);
}

bool is_staging_name(std::string_view entry, const std::string& target_name, std::string_view suffix) {
  const std::string prefix = staging_prefix(target_name);
  if (entry.size() != prefix.size() + 8 + suffix.size()) return false;
  if (!entry.starts_with(prefix) || !entry.ends_with(suffix)) return false;
  const std::string_view digits = entry.substr(prefix.size(), 8);
  return digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
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
    if (make(join_path(directory, staging_name(target_name, suffix)))) return;
  }
}

bool StagingEntry::make(const std::string& path) {
  if (!path_.empty()) attempt([&] { env_.remove(path_); });
  if (kind_ == Kind::file) {
    file_ = env_.create(path);
  } else {
    env_.make_directory(path);
  }
  path_ = path;
  if (!attempt([&] { lock_ = env_.try_lock(path); }) || lock_ == nullptr) return false;
  bool still_there = false;
  attempt([&] { still_there = env_.status(path, false).has_value(); });
  return still_there;
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
