// Locks: what a run read and wrote, so that a later one can be held to it.
//
//   brainsurgery: 0.4.0
//   inputs:
//   - {alias: base, digest: 'sha256:...'}
//   outputs:
//   - {path: out, digest: 'sha256:...'}
//   plan: {...}                            # merged from its files, with the values given on the command line
#pragma once

#include <string>
#include <vector>

#include "brainsurgery/env.h"
#include "plan/yaml_tree.h"

namespace brainsurgery {

struct Lock {
  struct Content {
    std::string name;  // an input's alias, an output's path
    std::string digest;
  };
  std::string program;  // the version that wrote it
  std::vector<Content> inputs, outputs;
  YamlPtr plan;

  // nullptr: the lock knows none of that name.
  [[nodiscard]] static const std::string* digest_of(const std::vector<Content>& contents, const std::string& name);
};

[[nodiscard]] std::string to_text(const Lock& lock);
// Throws Error(plan) for a file that is no lock, Error(run) for one that cannot be read.
[[nodiscard]] Lock read_lock(Env& env, const std::string& path);
// Throws Error(assertion) that shows the first line that differs. `path`: of the lock.
void require_same_plan(const YamlNode& plan, const Lock& lock, const std::string& path);

}  // namespace brainsurgery
