// The plan as its steps are bound: what a step that steers it may do to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/events.h"
#include "brainsurgery/query_scope.h"
#include "documents/json_value.h"
#include "plan/plan_file.h"

namespace brainsurgery {

// A file or directory to open. The path is relative to the working directory.
struct LoadRequest {
  std::string path;
  std::string alias;
  std::optional<std::string> tensor;  // under this name, from a file that holds exactly one; else the whole model
  std::vector<std::string> formats;   // that the file may be of; empty: any
};

struct SaveRequest {
  FileTarget target;  // its path is relative to the working directory
  std::string alias;
  std::optional<std::string> tensor;  // this one alone
};

// What becomes of a JSON document of a model, as config.json.
struct DocumentEdit {
  std::string alias;
  std::string name;  // of the file
  struct Setting {
    JsonPath path;
    JsonValue value;
    SourceSpan place;
  };
  std::vector<Setting> set;  // after the deletions
  struct Deletion {
    JsonPath path;
    SourceSpan place;
  };
  std::vector<Deletion> erase;
  bool may_lack = false;    // what is deleted need not be there
  bool may_create = false;  // a document that the model does not have begins as an empty object
};

// A tensor that a step makes, new or in the place of the one of this name, whatever its shape and dtype were.
struct NewTensor {
  std::string name;
  Expr expr;
};

// A tensor is afterwards at all of these names; at none of them it is gone.
struct NameChange {
  std::string from;
  std::vector<std::string> to;
};

struct PlanFlags {
  bool dry_run = false;  // what steps do is undone when it is switched off; nothing is saved
  bool preview = false;  // a step first says which tensors it touches
  bool verbose = false;  // a step says what it did
};

// What a control may do: open and save models, and steer the plan.
class PlanScope : public QueryScope {
 public:
  virtual void load(const LoadRequest& request) = 0;
  virtual void save(const SaveRequest& request) = 0;

  // Gives what was changed. Throws Error(plan) where the model has no such document, or a path leads nowhere.
  virtual std::vector<DocumentChange> edit_document(const DocumentEdit& edit) = 0;
  virtual void edit_metadata(const std::string& alias, const MetadataEdit& edit) = 0;
  // A JSON document of the model as it is at this step; nullopt: it has none of this name.
  [[nodiscard]] virtual std::optional<JsonValue> document(const std::string& alias, const std::string& name) = 0;

  // Of a metadata pair of the model's files; nullopt: there is none of this key.
  [[nodiscard]] virtual std::optional<std::string> metadata(const std::string& alias, const std::string& key) = 0;

  // Begins the model if there is none of this alias.
  virtual void write_tensors(const std::string& alias, std::vector<NewTensor> tensors) = 0;
  // The other tensors of the model that share storage with this one, sorted.
  [[nodiscard]] virtual std::vector<std::string> partners(const std::string& alias, const std::string& name) = 0;
  // At the place of the step.
  virtual void warn(std::string message) = 0;

  // All at once: a tensor may take a name that another one gives up. Throws Error(plan) where a name would be given twice,
  // or is that of a tensor that keeps it.
  virtual void change_names(const std::string& alias, const std::vector<NameChange>& changes) = 0;

  virtual void add_alias(const std::string& alias) = 0;
  virtual void remove_alias(const std::string& alias) = 0;
  virtual void rename_alias(const std::string& from, const std::string& to) = 0;

  [[nodiscard]] virtual const PlanFlags& flags() const = 0;
  virtual void set_flags(const PlanFlags& flags) = 0;
  // No step after this one is done.
  virtual void exit() = 0;
  // Does the steps now. Without a default alias it is the only one there is.
  virtual void execute(const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) = 0;
  // A file as text. Throws Error(plan) where it cannot be read.
  [[nodiscard]] virtual std::string read_text(const std::string& path) = 0;
};

}  // namespace brainsurgery
