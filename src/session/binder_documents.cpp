// Steps that edit what a model has beside its tensors: JSON documents of its folder, and metadata pairs.
#include <fmt/format.h>

#include <algorithm>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/side_files.h"
#include "session/binder.h"
#include "session/output_metadata.h"

namespace brainsurgery {

ModelContent Binder::content_of(const std::string& alias, StateDict names) const {
  const Origin& origin = origin_of(alias);
  return {std::move(names), origin.metadata, origin.ties, origin.format, origin.extras, origin.folder, origin.opened,
          origin.documents};
}

Document Binder::document_of(const std::string& alias, const DocumentEdit& edit) {
  const Origin& origin = origin_of(alias);
  if (const auto edited = origin.documents.find(edit.name); edited != origin.documents.end()) return *edited->second;
  std::string place = "it was opened from no file";
  if (origin.folder != nullptr) {
    const Checkpoint& checkpoint = origin.folder->checkpoint;
    const SideFiles found = side_files(env_, registries_.formats, checkpoint);
    if (std::ranges::find(found.names, edit.name) != found.names.end()) {
      const std::string path = checkpoint.root + edit.name;
      return parse_document(edit.name, env_.read_text(path, kMaxDocumentBytes), in_quotes(path));
    }
    place = fmt::format("there is none in {}", in_quotes(checkpoint.root.empty() ? "." : checkpoint.root));
  }
  if (edit.may_create) return parse_document(edit.name, "{}", edit.name);
  throw Error(ErrorCode::plan, fmt::format("{}: '{}' has no {}: {}", current_.step->name(), alias, edit.name, place), {},
              {"with create: true the step makes one"});
}

std::vector<DocumentChange> Binder::edit_document(const DocumentEdit& edit) {
  require_known(edit.alias);
  current_.looked_at.push_back({edit.alias, "", false});
  static_cast<void>(names_of(edit.alias));  // opens the input
  Document document = document_of(edit.alias, edit);
  const std::size_t before = document.changes.size();
  for (const auto& [path, place] : edit.erase) {
    if (document.erase(path) || edit.may_lack) continue;
    throw Error(ErrorCode::plan,
                fmt::format("{}.delete: '{}' is not in {} of '{}'", current_.step->name(), to_string(path), edit.name,
                            edit.alias),
                place, {"with optional: true it may be missing"});
  }
  for (const DocumentEdit::Setting& setting : edit.set) {
    try {
      document.set(setting.path, setting.value);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::plan) throw;
      throw Error(ErrorCode::plan, fmt::format("{}.set: {}", current_.step->name(), error.what()), setting.place);
    }
  }
  std::vector<DocumentChange> changes(document.changes.begin() + static_cast<std::ptrdiff_t>(before),
                                      document.changes.end());
  state_.origins[edit.alias].documents.insert_or_assign(edit.name, std::make_shared<const Document>(std::move(document)));
  note_edit(edit.alias, fmt::format("{}::{}", edit.alias, edit.name));
  return changes;
}

void Binder::edit_metadata(const std::string& alias, const MetadataEdit& edit) {
  require_known(alias);
  current_.looked_at.push_back({alias, "", false});
  static_cast<void>(names_of(alias));
  Origin& origin = state_.origins[alias];
  for (const std::string& warning : brainsurgery::edit_metadata(origin.metadata, edit, origin.ties, current_.step->name()))
    events_.on(events::Warning{{Severity::warning, current_.step->span, warning, {}}});
  for (const auto& [key, value] : edit.set) origin.ties.erase(key);
  note_edit(alias, fmt::format("{}::metadata", alias));
}

void Binder::note_edit(const std::string& alias, std::string what) {
  current_.edited.push_back(std::move(what));
  mark_changed(alias);
}

void Binder::mark_changed(const std::string& alias) {
  contribute(alias);
  if (state_.flags.dry_run) return;
  state_.changed.insert(alias);
  state_.kept.erase(alias);
}

// What a dry run edited, of models that were there before or were opened meanwhile.
void Binder::restore_origins() {
  for (auto& [alias, origin] : state_.origins) {
    const auto before = state_.origins_before_dry_run.find(alias);
    const auto input = inputs_.find(alias);
    if (before != state_.origins_before_dry_run.end()) {
      origin = before->second;
    } else if (input != inputs_.end()) {
      origin = input->second.origin;
    } else {
      origin.documents.clear();
    }
  }
  state_.origins_before_dry_run.clear();
}

}  // namespace brainsurgery
