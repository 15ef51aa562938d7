// A walk below the root takes one name at a time from a folder that it has open, never follows a link by the system's
// means, and goes back by the folders that it came through. So it cannot leave the root, whatever others rename or put
// links in place of meanwhile.
#include "base/path_places.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <optional>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

class AllPathPlaces final : public PathPlaces {
 public:
  PathPlace find(const std::string& path, bool) const override { return PathPlace(std::string(c_path(path))); }

  std::string real_path(const std::string& path) const override {
    const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(c_path(path), nullptr), ::free);
    if (resolved == nullptr) fail_on_path("resolve", path, errno);
    return resolved.get();
  }

  bool has_root() const override { return false; }
  std::string below_root(const std::string& path) const override { return path; }
};

class PathPlacesBelow final : public PathPlaces {
 public:
  explicit PathPlacesBelow(const std::string& root)
      : root_path_(AllPathPlaces().real_path(root)),
        root_(::open(c_path(root_path_), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (root_.get() < 0) fail_on_path("open", root, errno);
  }

  PathPlace find(const std::string& path, bool follow) const override;
  std::string real_path(const std::string& path) const override;
  bool has_root() const override { return true; }
  std::string below_root(const std::string& path) const override { return relative(path).value_or(path); }

 private:
  class Walk;

  // nullopt: an absolute path that does not begin with the root's.
  [[nodiscard]] std::optional<std::string> relative(const std::string& path) const {
    if (!path.starts_with('/')) return path;
    if (!path.starts_with(root_path_)) return std::nullopt;
    const std::string rest = path.substr(root_path_.size());
    if (root_path_ == "/" || rest.empty() || rest.starts_with('/')) return "./" + rest;
    return std::nullopt;
  }

  std::string root_path_;
  Descriptor root_;
};

class PathPlacesBelow::Walk {
 public:
  Walk(const PathPlacesBelow& places, const std::string& path, bool follow)
      : places_(places), path_(path), follow_(follow) {
    go(path);
  }

  PathPlace find();
  [[nodiscard]] std::string real_path() const {
    std::string result = places_.root_path_;
    for (const std::string& name : names_) result += (result.ends_with('/') ? "" : "/") + name;
    return result;
  }

 private:
  static constexpr int kMostLinks = 40;  // as the system

  [[noreturn]] void refuse() const {
    throw Error(ErrorCode::run, fmt::format("cannot use '{}': the path leads outside of the root folder", path_));
  }

  // Puts the names of a path before those that are still to be walked.
  void go(const std::string& path) {
    const std::optional<std::string> relative = places_.relative(path);
    if (!relative) refuse();
    if (path.starts_with('/')) {
      folders_.clear();
      names_.clear();
    }
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= relative->size();) {
      const std::size_t end = std::min(relative->find('/', begin), relative->size());
      // What stands before a slash at the end must be a folder.
      names.push_back(end == begin ? "." : relative->substr(begin, end - begin));
      begin = end + 1;
    }
    ahead_.insert(ahead_.end(), names.rbegin(), names.rend());
  }

  [[nodiscard]] int current() const { return folders_.empty() ? places_.root_.get() : folders_.back().get(); }
  [[nodiscard]] Descriptor copy_of_current() const {
    return Descriptor(::fcntl(current(), F_DUPFD_CLOEXEC, 0));
  }
  [[nodiscard]] bool only_dots_ahead() const {
    return std::ranges::all_of(ahead_, [](const std::string& name) { return name == "."; });
  }
  // 0, or an errno.
  int follow_link(int link);

  const PathPlacesBelow& places_;
  const std::string& path_;
  bool follow_;
  int links_ = 0;
  std::vector<Descriptor> folders_;  // below the root, each in the one before
  std::vector<std::string> names_;   // theirs, and at last that of the end
  std::vector<std::string> ahead_;   // in reverse
};

int PathPlacesBelow::Walk::follow_link(int link) {
  if (++links_ > kMostLinks) return ELOOP;
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
  if (size < 0) return errno;
  if (size == 0) return ENOENT;
  target.resize(static_cast<std::size_t>(size));
  go(target);
  return 0;
}

PathPlace PathPlacesBelow::Walk::find() {
  while (!ahead_.empty()) {
    const std::string name = std::move(ahead_.back());
    ahead_.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (folders_.empty()) refuse();
      folders_.pop_back();
      names_.pop_back();
      continue;
    }
    Descriptor itself(::openat(current(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (itself.get() < 0) {
      if (errno != ENOENT || !only_dots_ahead()) return PathPlace(errno);
      return {copy_of_current(), name, Descriptor()};
    }
    const FileStatus::Kind kind = status_of(itself.get(), path_).kind;
    const bool last = ahead_.empty();
    if (kind == FileStatus::Kind::link && (follow_ || !last)) {
      if (const int error = follow_link(itself.get()); error != 0) return PathPlace(error);
      continue;
    }
    names_.push_back(name);
    if (last) return {copy_of_current(), name, std::move(itself)};
    if (kind != FileStatus::Kind::directory) return PathPlace(ENOTDIR);
    folders_.push_back(std::move(itself));
  }
  return {copy_of_current(), ".", copy_of_current()};
}

PathPlace PathPlacesBelow::find(const std::string& path, bool follow) const {
  static_cast<void>(c_path(path));
  if (path.empty()) return PathPlace(ENOENT);
  return Walk(*this, path, follow).find();
}

std::string PathPlacesBelow::real_path(const std::string& path) const {
  static_cast<void>(c_path(path));
  if (path.empty()) fail_on_path("resolve", path, ENOENT);
  Walk walk(*this, path, true);
  const PathPlace place = walk.find();
  if (place.error() != 0) fail_on_path("resolve", path, place.error());
  if (place.itself() < 0) fail_on_path("resolve", path, ENOENT);
  return walk.real_path();
}

}  // namespace

std::string PathPlace::path() const {
  return is_below_root() ? fmt::format("/proc/self/fd/{}", itself_.get()) : name_;
}

std::unique_ptr<PathPlaces> all_path_places() { return std::make_unique<AllPathPlaces>(); }

std::unique_ptr<PathPlaces> path_places_below(const std::string& root) { return std::make_unique<PathPlacesBelow>(root); }

}  // namespace brainsurgery
