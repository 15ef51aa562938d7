#include "formats/path_pattern.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>

#include "base/json_text.h"
#include "base/spelling.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

constexpr std::size_t kMaxNames = 1'000'000;
constexpr std::size_t kMaxNear = 3;

bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE | FNM_PERIOD) == 0;
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

class Search {
 public:
  Search(Env& env, const std::string& pattern) : env_(env) {
    const std::size_t slash = pattern.rfind('/', first_wildcard(pattern));
    result_.root = slash == std::string::npos ? "" : pattern.substr(0, slash + 1);
    parts_ = components(std::string_view(pattern).substr(result_.root.size()));
  }

  PathMatches run() {
    std::vector<std::string> folders{""};  // below the root, each with its slash
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const bool last = i + 1 == parts_.size();
      if (last) result_.folders = folders;
      std::vector<std::string> found;
      for (const std::string& folder : folders) {
        for (const std::string& name : candidates(folder, parts_[i])) {
          const std::optional<FileStatus> status = env_.status(result_.root + folder + name);
          if (status && status->kind == (last ? FileStatus::Kind::regular : FileStatus::Kind::directory))
            found.push_back(folder + name + (last ? "" : "/"));
        }
      }
      if (found.empty()) {
        look_around(folders, i);
        return std::move(result_);
      }
      folders = std::move(found);
    }
    std::ranges::sort(folders);
    result_.names = std::move(folders);
    return std::move(result_);
  }

 private:
  static std::size_t first_wildcard(const std::string& pattern) {
    return std::min(pattern.find_first_of("*?["), pattern.size());
  }

  std::vector<std::string> list(const std::string& folder) {
    const std::string path = result_.root + folder;
    const std::optional<FileStatus> status = env_.status(path.empty() ? "." : path);
    if (!status || status->kind != FileStatus::Kind::directory) return {};
    std::vector<std::string> names = env_.list(path.empty() ? "." : path);
    seen_ += names.size();
    if (seen_ > kMaxNames) {
      throw Error(ErrorCode::run, "the pattern in " + in_quotes(path) + " leads to more than " +
                                      std::to_string(kMaxNames) + " names; make it narrower");
    }
    return names;
  }

  std::vector<std::string> candidates(const std::string& folder, const std::string& part) {
    if (!has_wildcards(part)) return {part};
    std::vector<std::string> names = list(folder);
    std::erase_if(names, [&](const std::string& name) { return !matches(part, name); });
    return names;
  }

  // The part that matches nothing, with its fixed beginning and end as names there have them.
  void look_around(const std::vector<std::string>& folders, std::size_t at) {
    const std::string& part = parts_[at];
    const std::size_t head = first_wildcard(part);
    const std::size_t tail = part.size() - std::min(part.find_last_of("*?]") + 1, part.size());
    std::set<std::string> alike;
    for (const std::string& folder : folders) {
      for (const std::string& name : list(folder)) {
        if (head == part.size()) {
          alike.insert(name);
        } else if (name.size() >= head + tail) {
          alike.insert(name.substr(0, head) + part.substr(head, part.size() - head - tail) +
                       name.substr(name.size() - tail));
        }
      }
    }
    alike.erase(part);
    std::string before = result_.root, behind;
    for (std::size_t i = 0; i < at; ++i) before += parts_[i] + "/";
    for (std::size_t i = at + 1; i < parts_.size(); ++i) behind += "/" + parts_[i];
    for (const std::string& near : nearest_many(part, std::vector(alike.begin(), alike.end()), kMaxNear))
      result_.near.push_back(before + near + behind);
  }

  Env& env_;
  std::vector<std::string> parts_;
  std::size_t seen_ = 0;
  PathMatches result_;
};

}  // namespace

bool has_wildcards(std::string_view path) {
  if (path.find_first_of("*?") != std::string_view::npos) return true;
  const std::size_t open = path.find('[');
  return open != std::string_view::npos && path.find(']', open) != std::string_view::npos;
}

PathMatches match_path(Env& env, const std::string& pattern) { return Search(env, pattern).run(); }

}  // namespace brainsurgery
