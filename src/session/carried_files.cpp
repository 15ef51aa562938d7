#include "session/carried_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/interrupt.h"
#include "base/json_text.h"
#include "documents/config_adjustment.h"
#include "formats/side_files.h"
#include "publish/staging.h"
#include "session/opened_checkpoints.h"

namespace brainsurgery {
namespace {

std::string shown_folder(const Checkpoint& checkpoint) { return in_quotes(checkpoint.root.empty() ? "." : checkpoint.root); }

// Whether the folder is the model's: files elsewhere lie among others of all kinds.
bool is_model_folder(Env& env, const Checkpoint& checkpoint) {
  if (checkpoint.is_directory) return true;
  const auto config = env.status(checkpoint.root + std::string(kConfigName));
  return config && config->kind == FileStatus::Kind::regular;
}

// The side files of one output.
class SideFileMaker {
 public:
  SideFileMaker(Env& env, const FormatRegistry& formats, const WriteTarget& target, const ModelContent& model,
                BoundOutput& output)
      : env_(env), formats_(formats), target_(target), model_(model), documents_(model.documents), output_(output) {}

  void make() {
    names_ = names_to_carry();
    adjust_config();
    for (const std::string& name : names_) {
      if (!is_in_place_ && !documents_.contains(name)) copy(name);
    }
    for (const auto& [name, document] : documents_) write(*document);
    std::ranges::sort(files_, {}, &OutputFile::name);
    std::ranges::sort(output_.report.carried, {}, &CarriedFile::name);
    output_.files.insert(output_.files.begin(), std::move_iterator(files_.begin()), std::move_iterator(files_.end()));
    output_.content.documents = std::move(documents_);
    if (!names_.empty()) output_.content.folder = model_.folder;
  }

 private:
  // In place: the files that are there.
  [[nodiscard]] std::vector<std::string> names_to_carry() {
    const std::optional<CarryChoice>& carry = target_.place.carry;
    if (model_.folder == nullptr || (carry && carry->kind == CarryChoice::Kind::none)) return {};
    const Checkpoint& checkpoint = model_.folder->checkpoint;
    if (!carry && !is_model_folder(env_, checkpoint)) return {};
    is_in_place_ = same_entry(env_, checkpoint.root.empty() ? "." : checkpoint.root, target_.place.path);
    SideFiles found = side_files(env_, formats_, checkpoint);
    if (!is_in_place_) std::ranges::move(found.warnings, std::back_inserter(output_.warnings));
    std::vector<std::string> names = chosen(carry.value_or(CarryChoice()), std::move(found.names));
    if (!is_in_place_ && names.size() > kMaxSideFiles) {
      refuse_target(target_,
                    fmt::format("carry: {} holds {} files beside the weights; at most {} are carried",
                                shown_folder(checkpoint), names.size(), kMaxSideFiles),
                    {"choose some, as in carry: ['*.json', 'tokenizer*'], or carry: none"});
    }
    return names;
  }

  // Those of `names` that the plan chooses.
  [[nodiscard]] std::vector<std::string> chosen(const CarryChoice& carry, std::vector<std::string> names) {
    if (carry.kind == CarryChoice::Kind::all) return names;
    std::vector<bool> is_chosen(names.size(), false);
    for (const std::string& pattern : carry.patterns) {
      bool any = false;
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (matches_glob(pattern, names[i])) is_chosen[i] = any = true;
      }
      if (any) continue;
      output_.warnings.push_back(fmt::format("carry: {} matches no file in {} beside the weights", in_quotes(pattern),
                                             shown_folder(model_.folder->checkpoint)));
    }
    std::vector<std::string> result;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (is_chosen[i]) result.push_back(std::move(names[i]));
    }
    return result;
  }

  // Lets config.json follow the tensors, unless the plan says that it is to stay.
  void adjust_config() {
    const std::string name(kConfigName);
    if (!target_.place.adjust.value_or(true) || model_.opened == nullptr) return;
    const auto edited = documents_.find(name);
    if (edited == documents_.end() && std::ranges::find(names_, name) == names_.end()) return;
    try {
      Document config = edited != documents_.end() ? *edited->second : read(name);
      const std::size_t before = config.changes.size();
      for (std::string& warning : brainsurgery::adjust_config(config, *model_.opened, output_.content.names))
        output_.warnings.push_back(std::move(warning));
      if (config.changes.size() > before) documents_[name] = std::make_shared<const Document>(std::move(config));
    } catch (const Error& error) {  // it is no worse than it was
      throw_if_interrupted();
      if (error.code() == ErrorCode::internal) throw;
      output_.warnings.push_back(fmt::format("{}; it is carried as it is", error.what()));
    }
  }

  [[nodiscard]] Document read(const std::string& name) const {
    const std::string path = model_.folder->checkpoint.root + name;
    return parse_document(name, env_.read_text(path, kMaxDocumentBytes), in_quotes(path));
  }

  [[nodiscard]] std::unique_ptr<PhysicalPlan> new_plan() const {
    return std::make_unique<PhysicalPlan>(PhysicalPlan::with_compiler(output_.compiler));
  }

  void copy(const std::string& name) {
    throw_if_interrupted();
    std::shared_ptr<const ReadableFile> file = env_.open(model_.folder->checkpoint.root + name);
    const std::int64_t size = file->status().size;
    auto plan = new_plan();
    if (size > 0) plan->add_copy({file, 0}, size);
    add(name, std::move(plan));
    output_.carried.push_back(std::move(file));
  }

  void write(const Document& document) {
    auto plan = new_plan();
    plan->add_bytes(to_text(document.root));
    add(document.name, std::move(plan));
    output_.report.changes.insert(output_.report.changes.end(), document.changes.begin(), document.changes.end());
  }

  void add(const std::string& name, std::unique_ptr<PhysicalPlan> plan) {
    output_.report.carried.push_back({name, plan->size()});
    files_.push_back({name, std::move(plan), {}, true});
  }

  Env& env_;
  const FormatRegistry& formats_;
  const WriteTarget& target_;
  const ModelContent& model_;
  Documents documents_;
  BoundOutput& output_;
  bool is_in_place_ = false;  // the target is the folder of the model
  std::vector<std::string> names_;
  std::vector<OutputFile> files_;
};

}  // namespace

void add_carried_files(Env& env, const FormatRegistry& formats, const WriteTarget& target, const ModelContent& model,
                       BoundOutput& output) {
  if (output.directory) return SideFileMaker(env, formats, target, model, output).make();
  const std::optional<CarryChoice>& carry = target.place.carry;
  if (carry && carry->kind != CarryChoice::Kind::none)
    refuse_target(target, fmt::format("carry: '{}' is a single file; a directory takes files over", target.place.path));
  for (const auto& [name, document] : model.documents) {
    if (!target.single_tensor)
      output.warnings.push_back(fmt::format("the edited {} is not written: '{}' is a single file", name, target.place.path));
  }
}

}  // namespace brainsurgery
