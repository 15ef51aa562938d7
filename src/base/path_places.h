// Where paths lead: to names in the working directory, or, below a root folder, to names in folders that were opened one
// after another without leaving it.
//
//   const std::unique_ptr<PathPlaces> places = path_places_below("/srv/models");
//   const PathPlace place = places->find("llama/../a.safetensors", true);
//   if (place.error() == 0) ::openat(place.directory(), place.name(), O_RDONLY | place.no_follow());
#pragma once

#include <fcntl.h>

#include <memory>
#include <string>
#include <utility>

#include "base/descriptor.h"

namespace brainsurgery {

// A name in an open folder, for the system calls that end in "at".
class PathPlace {
 public:
  // In the working directory, where nobody looked.
  explicit PathPlace(std::string path) : name_(std::move(path)) {}
  // `itself`: the file, opened with O_PATH; none where there is nothing of that name.
  PathPlace(Descriptor folder, std::string name, Descriptor itself)
      : folder_(std::move(folder)), name_(std::move(name)), itself_(std::move(itself)) {}
  // The folder cannot be reached. `error`: an errno.
  explicit PathPlace(int error) : error_(error) {}

  [[nodiscard]] int error() const { return error_; }
  // A link that stands there by now was put there after the search, which followed those that it met.
  [[nodiscard]] bool is_below_root() const { return folder_.get() >= 0; }
  [[nodiscard]] int directory() const { return is_below_root() ? folder_.get() : AT_FDCWD; }
  [[nodiscard]] const char* name() const { return name_.c_str(); }
  [[nodiscard]] int no_follow() const { return is_below_root() ? O_NOFOLLOW : 0; }
  [[nodiscard]] int itself() const { return itself_.get(); }
  // A path of the same file, for calls that take no descriptors of O_PATH.
  [[nodiscard]] std::string path() const;

 private:
  Descriptor folder_;
  std::string name_;
  Descriptor itself_;
  int error_ = 0;
};

// May be called from several threads.
class PathPlaces {
 public:
  virtual ~PathPlaces() = default;
  // `follow`: a link at the end is followed. The end of the path need not exist. Throws Error(run) for paths that nobody
  // may use; what the system refuses is the PathPlace's error().
  [[nodiscard]] virtual PathPlace find(const std::string& path, bool follow) const = 0;
  // Absolute and without links; throws Error(run) where there is nothing of that name.
  [[nodiscard]] virtual std::string real_path(const std::string& path) const = 0;
  [[nodiscard]] virtual bool has_root() const = 0;
  // The same path without the part that leads to the root.
  [[nodiscard]] virtual std::string below_root(const std::string& path) const = 0;
};

[[nodiscard]] std::unique_ptr<PathPlaces> all_path_places();
// `root`: a folder, which is held open. Throws Error(run).
[[nodiscard]] std::unique_ptr<PathPlaces> path_places_below(const std::string& root);

}  // namespace brainsurgery
