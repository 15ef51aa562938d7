#include "formats/hub_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/json_text.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "publish/staging.h"

namespace brainsurgery {

std::optional<std::string> find_snapshot(Env& env, const std::string& root, const std::vector<std::string>& names,
                                         const std::string& subject) {
  constexpr std::string_view kSnapshots = "snapshots/";
  constexpr std::int64_t kMaxCommit = 4096;
  const auto holds = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  std::string folder_path = root;
  while (folder_path.ends_with('/')) folder_path.pop_back();
  const std::string called = split_path(folder_path).name;
  const bool is_cache = holds("snapshots") && (holds("refs") || holds("blobs") || called.starts_with("models--"));
  if (!is_cache) return std::nullopt;
  const std::string folder = root + std::string(kSnapshots);
  std::vector<std::string> commits = env.list(folder);
  std::erase_if(commits, [&](const std::string& commit) {
    const auto status = env.status(folder + commit);
    return !status || status->kind != FileStatus::Kind::directory;
  });
  if (const std::string main = root + "refs/main"; env.status(main)) {
    const std::string commit(trim(env.read_text(main, kMaxCommit)));
    if (std::ranges::find(commits, commit) != commits.end()) return std::string(kSnapshots) + commit + "/";
  }
  if (commits.size() == 1) return std::string(kSnapshots) + commits.front() + "/";
  if (commits.empty())
    throw Error(ErrorCode::run, subject + " is a cache of models without a snapshot; download the model again");
  constexpr std::size_t kShown = 5;
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < std::min(commits.size(), kShown); ++i) notes.push_back(in_quotes(folder + commits[i]));
  if (commits.size() > kShown) notes.push_back(fmt::format("and {} more", commits.size() - kShown));
  throw Error(ErrorCode::run,
              fmt::format("{} is a cache of {} snapshots, and its refs/main names none of them; name the directory of "
                          "one",
                          subject, commits.size()),
              {}, std::move(notes));
}

}  // namespace brainsurgery
