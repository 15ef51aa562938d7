#include "session/model_documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "documents/adapter_names.h"
#include "formats/side_files.h"
#include "session/output_metadata.h"

namespace brainsurgery {

JsonValue ModelDocuments::config(const std::string& alias) {
  static_cast<void>(models_.names(alias, step_.name()));  // opens the input
  JsonValue root = document(alias, std::string(kConfigName), true).root;
  if (root.kind != JsonValue::Kind::object || !root.members.empty()) return root;
  return document(alias, std::string(kAdapterConfigName), true).root;
}

std::optional<JsonValue> ModelDocuments::find(const std::string& alias, const std::string& name) {
  static_cast<void>(models_.names(alias, step_.name()));
  std::string problem;
  std::optional<Document> found = find_document(alias, name, problem);
  return found ? std::optional(std::move(found->root)) : std::nullopt;
}

std::optional<Document> ModelDocuments::find_document(const std::string& alias, const std::string& name,
                                                      std::string& problem) const {
  const Model& model = models_.beside(alias);
  if (const auto edited = model.documents.find(name); edited != model.documents.end()) return *edited->second;
  problem = "it was opened from no file";
  if (model.folder == nullptr) return std::nullopt;
  const Checkpoint& checkpoint = model.folder->checkpoint;
  problem = fmt::format("there is none in {}", in_quotes(checkpoint.root.empty() ? "." : checkpoint.root));
  const SideFiles found = side_files(env_, formats_, checkpoint);
  if (std::ranges::find(found.names, name) == found.names.end()) return std::nullopt;
  const std::string path = checkpoint.root + name;
  return parse_document(name, env_.read_text(path, kMaxDocumentBytes), in_quotes(path));
}

// `may_create`: in memory.
Document ModelDocuments::document(const std::string& alias, const std::string& name, bool may_create) const {
  std::string problem;
  if (std::optional<Document> found = find_document(alias, name, problem)) return *std::move(found);
  if (may_create) return parse_document(name, "{}", name);
  throw Error(ErrorCode::plan, fmt::format("{}: '{}' has no {}: {}", step_.name(), alias, name, problem), {},
              {"with create: true the step makes one"});
}

std::vector<DocumentChange> ModelDocuments::edit(const DocumentEdit& edit) {
  static_cast<void>(models_.names(edit.alias, step_.name()));
  Document edited = document(edit.alias, edit.name, edit.may_create);
  const std::size_t before = edited.changes.size();
  erase(edit, edited);
  set(edit, edited);
  std::vector<DocumentChange> changes(edited.changes.begin() + static_cast<std::ptrdiff_t>(before),
                                      edited.changes.end());
  state_.models.beside[edit.alias].documents.insert_or_assign(edit.name,
                                                              std::make_shared<const Document>(std::move(edited)));
  step_.edited.push_back(fmt::format("{}::{}", edit.alias, edit.name));
  return changes;
}

void ModelDocuments::erase(const DocumentEdit& edit, Document& document) const {
  for (const auto& [path, place] : edit.erase) {
    if (document.erase(path) || edit.may_lack) continue;
    throw Error(ErrorCode::plan,
                fmt::format("{}.delete: '{}' is not in {} of '{}'", step_.name(), to_string(path), edit.name,
                            edit.alias),
                place, {"with optional: true it may be missing"});
  }
}

void ModelDocuments::set(const DocumentEdit& edit, Document& document) const {
  for (const DocumentEdit::Setting& setting : edit.set) {
    try {
      document.set(setting.path, setting.value);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::plan) throw;
      throw Error(ErrorCode::plan, fmt::format("{}.set: {}", step_.name(), error.what()), setting.place);
    }
  }
}

// Of a model whose files have types for pairs.
void ModelDocuments::require_pairs(const std::string& format, const MetadataEdit& edit) const {
  const Format* known = formats_.by_name(format);
  if (known == nullptr || known->problem_of_pair == nullptr) return;
  for (const auto& [key, value] : edit.set) {
    if (const auto problem = known->problem_of_pair(key, value))
      throw Error(ErrorCode::plan, fmt::format("{}.set: '{}': {}", step_.name(), key, *problem), step_.step.span);
  }
}

void ModelDocuments::edit_metadata(const std::string& alias, const MetadataEdit& edit) {
  static_cast<void>(models_.names(alias, step_.name()));
  Model& model = state_.models.beside[alias];
  require_pairs(model.format, edit);
  for (const std::string& warning : brainsurgery::edit_metadata(model.metadata, edit, model.ties, step_.name()))
    step_.warn(step_.step.span, warning);
  for (const auto& [key, value] : edit.set) model.ties.erase(key);
  step_.edited.push_back(fmt::format("{}::metadata", alias));
}

}  // namespace brainsurgery
