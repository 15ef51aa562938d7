#include "base/path_words.h"

#include "brainsurgery/error.h"

namespace brainsurgery {

std::vector<std::string> path_words(Env& env, std::string_view word,
                                    const std::function<bool(const std::string& name)>& wanted) {
  const std::size_t slash = word.rfind('/');
  const std::string folder(slash == std::string_view::npos ? "" : word.substr(0, slash + 1));
  std::vector<std::string> result;
  try {
    for (const std::string& name : env.list(folder.empty() ? "." : folder)) {
      if (name.starts_with('.') && !word.substr(folder.size()).starts_with('.')) continue;
      const std::optional<FileStatus> status = env.status(folder + name);
      const bool is_folder = status && status->kind == FileStatus::Kind::directory;
      if (is_folder || wanted(name)) result.push_back(folder + name + (is_folder ? "/" : ""));
    }
  } catch (const Error&) {  // no such folder
  }
  return result;
}

}  // namespace brainsurgery
