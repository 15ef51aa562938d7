// What a model is beside its tensors, as a value.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/workspace.h"
#include "documents/document.h"
#include "session/opened_checkpoints.h"

namespace brainsurgery {

// A tensor as messages write it.
[[nodiscard]] inline std::string label_of(const std::string& alias, const std::string& name) {
  return alias + "::" + name;
}

// What a file of a model carries beside the tensors, and its folder beside the file.
struct SideContent {
  Metadata metadata;
  std::set<std::string> ties;  // keys of the metadata, of pairs that recorded ties when they were read
  std::string format;          // of the file, where there is one: the name of a Format
  std::shared_ptr<const CheckpointExtras> extras = {};  // that the format takes; or nullptr
  std::shared_ptr<const OpenedCheckpoint> folder = {};  // whose side files belong to the model; or nullptr
  std::shared_ptr<const StateDict> opened = {};         // the tensors for which these were written; or nullptr
  Documents documents = {};                             // side files that were edited
};

// A model as files hold it.
struct ModelContent : SideContent {
  StateDict names;
};

// What a plan knows of one of its models beside the tensors.
struct Model : SideContent {
  std::shared_ptr<const OpenedCheckpoint> input = {};  // nullptr: the plan made it
  bool changed = false;                                // its tensors or documents are others than were opened
  bool kept = false;                                   // a `save` wrote it after the last change
};

// The models at one step, by alias.
struct ModelTable {
  Workspace workspace;
  std::map<std::string, Model, std::less<>> beside;  // what they have beside the tensors; an alias may be missing
};

}  // namespace brainsurgery
