// Paths with wildcards: which files "shards/model-*.safetensors" stands for.
//
//   PathMatches found = match_path(env, "shards/model-*.safetensors");
//   for (const std::string& name : found.names) open(found.root + name);
//
// `*` is any number of characters, `?` one, `[a-c]` one of a set and `[!a-c]` one that is not in it; none of them is a
// '/', nor the point that a hidden name begins with. A backslash is an ordinary character. Source: POSIX, 2.13.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"

namespace brainsurgery {

struct PathMatches {
  std::string root;                  // what stands before each name: "shards/", or nothing
  std::vector<std::string> names;    // of regular files or links to some, sorted
  std::vector<std::string> folders;  // those that were searched for files: behind the root, each with its slash
  std::vector<std::string> near;     // where there is none: patterns like this one that match something
};

[[nodiscard]] bool has_wildcards(std::string_view path);

// The pattern must have wildcards. Throws Error(run) for folders that cannot be listed, and where more than a million
// names had to be looked at.
[[nodiscard]] PathMatches match_path(Env& env, const std::string& pattern);

}  // namespace brainsurgery
