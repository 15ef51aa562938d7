#include "session/carried_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/interrupt.h"
#include "base/json_text.h"
#include "formats/side_files.h"
#include "publish/staging.h"
#include "session/opened_checkpoints.h"

namespace brainsurgery {
namespace {

// Whether the folder is the model's: files elsewhere lie among others of all kinds.
bool is_model_folder(Env& env, const Checkpoint& checkpoint) {
  if (checkpoint.is_directory) return true;
  const auto config = env.status(checkpoint.root + "config.json");
  return config && config->kind == FileStatus::Kind::regular;
}

// Those of `names` that the plan chooses.
std::vector<std::string> chosen_names(const CarryChoice& carry, std::vector<std::string> names, const std::string& root,
                                      std::vector<std::string>& warnings) {
  if (carry.kind == CarryChoice::Kind::all) return names;
  std::vector<bool> chosen(names.size(), false);
  for (const std::string& pattern : carry.patterns) {
    bool any = false;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (matches_glob(pattern, names[i])) chosen[i] = any = true;
    }
    if (!any) {
      warnings.push_back(fmt::format("carry: {} matches no file in {} beside the weights", in_quotes(pattern),
                                     in_quotes(root.empty() ? "." : root)));
    }
  }
  std::vector<std::string> result;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (chosen[i]) result.push_back(std::move(names[i]));
  }
  return result;
}

std::vector<std::string> names_to_carry(Env& env, const FormatRegistry& formats, const WriteTarget& target,
                                        const ModelContent& model, std::vector<std::string>& warnings) {
  const std::optional<CarryChoice>& carry = target.place.carry;
  if (model.folder == nullptr || (carry && carry->kind == CarryChoice::Kind::none)) return {};
  const Checkpoint& checkpoint = model.folder->checkpoint;
  if (!carry && !is_model_folder(env, checkpoint)) return {};
  // What is in the target already needs no copy of itself.
  if (same_entry(env, checkpoint.root.empty() ? "." : checkpoint.root, target.place.path)) return {};
  SideFiles found = side_files(env, formats, checkpoint);
  std::ranges::move(found.warnings, std::back_inserter(warnings));
  std::vector<std::string> names =
      chosen_names(carry.value_or(CarryChoice()), std::move(found.names), checkpoint.root, warnings);
  if (names.size() > kMaxSideFiles) {
    refuse_target(target,
                  fmt::format("carry: {} holds {} files beside the weights; at most {} are carried",
                              in_quotes(checkpoint.root), names.size(), kMaxSideFiles),
                  {"choose some, as in carry: ['*.json', 'tokenizer*'], or carry: none"});
  }
  return names;
}

}  // namespace

void add_carried_files(Env& env, const FormatRegistry& formats, const WriteTarget& target, const ModelContent& model,
                       BoundOutput& output) {
  const std::optional<CarryChoice>& carry = target.place.carry;
  if (!output.directory) {
    if (carry && carry->kind != CarryChoice::Kind::none)
      refuse_target(target, fmt::format("carry: '{}' is a single file; a directory takes files over", target.place.path));
    return;
  }
  std::vector<OutputFile> files;
  for (const std::string& name : names_to_carry(env, formats, target, model, output.warnings)) {
    throw_if_interrupted();
    std::shared_ptr<const ReadableFile> file = env.open(model.folder->checkpoint.root + name);
    const std::int64_t size = file->status().size;
    auto plan = std::make_unique<PhysicalPlan>(PhysicalPlan::with_compiler(output.compiler));
    if (size > 0) plan->add_copy({file, 0}, size);
    files.push_back({name, std::move(plan), {}, true});
    output.report.carried.push_back({name, size});
    output.carried.push_back(std::move(file));
  }
  output.files.insert(output.files.begin(), std::move_iterator(files.begin()), std::move_iterator(files.end()));
}

}  // namespace brainsurgery
