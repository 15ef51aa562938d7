#include "formats/torch_state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
#include "base/json_text.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr int kMaxNesting = 200;                 // containers inside each other
constexpr std::int64_t kMaxVisits = 10'000'000;  // a shared container counts each time

// Where scripts put the model; 'state_dict' goes before all.
constexpr auto kUsualKeys =
    std::to_array<std::string_view>({"model", "module", "model_state_dict", "model_state", "net", "network", "params",
                                     "params_ema", "ema", "weights", "generator", "discriminator"});
// What a trainer keeps beside it.
constexpr auto kTrainerKeys = std::to_array<std::string_view>({"optimizer",
                                                               "optimizers",
                                                               "optimizer_states",
                                                               "optimizer_state_dict",
                                                               "optim",
                                                               "lr_scheduler",
                                                               "lr_schedulers",
                                                               "lr_scheduler_state_dict",
                                                               "scheduler",
                                                               "schedulers",
                                                               "scaler",
                                                               "amp",
                                                               "callbacks",
                                                               "loops",
                                                               "rng_state",
                                                               "rng_states",
                                                               "random_rng_state",
                                                               "torch_rng_state",
                                                               "cpu_rng_state",
                                                               "cuda_rng_state",
                                                               "np_rng_state"});

bool is_one_of(std::string_view key, std::span<const std::string_view> keys) {
  return std::ranges::find(keys, key) != keys.end();
}

struct Child {
  std::string key;
  PickleRef value;
};

class Chooser {
 public:
  Chooser(const PickleTree& tree, const TorchStorages& storages, const std::string& path, const std::string& context)
      : tree_(tree), storages_(storages), path_(path), context_(context) {}

  FileContents choose(std::string_view part);

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] std::vector<Child> children(PickleRef ref) const;
  [[nodiscard]] bool is_container(PickleRef ref) const;
  bool holds_tensor(PickleRef ref, int nesting = 0);
  [[nodiscard]] std::optional<PickleRef> find_part(PickleRef ref, std::string_view part, int nesting = 0) const;
  [[nodiscard]] PickleRef usual_part();
  void collect(PickleRef ref, const std::string& name, bool of_model, int nesting = 0);
  void note_skipped(const std::string& name);
  void check_names() const;

  const PickleTree& tree_;
  const TorchStorages& storages_;
  const std::string& path_;
  const std::string& context_;
  std::unordered_map<PickleRef, bool> holds_;
  PickleRef model_ = 0;
  bool leaves_out_trainer_ = false;  // the model is the root, where the trainer's keys are too
  std::int64_t visits_ = 0;
  std::size_t skipped_ = 0;
  std::string first_skipped_;
  FileContents contents_;
};

// Also of the modules of a script, whose attributes are set as a dict.
bool Chooser::is_container(PickleRef ref) const {
  const Kind kind = tree_[ref].kind;
  return kind == Kind::dict || kind == Kind::list || kind == Kind::tuple ||
         (tree_.callee(ref).starts_with(kScriptPrefix) && tree_[ref].items.size() == 3);
}

std::vector<Child> Chooser::children(PickleRef ref) const {
  std::vector<Child> result;
  const PickleNode& node = tree_[ref];
  if (node.kind == Kind::object) return children(node.items[2]);
  if (node.kind == Kind::list || node.kind == Kind::tuple) {
    for (std::size_t i = 0; i < node.items.size(); ++i) result.push_back({std::to_string(i), node.items[i]});
  } else if (node.kind == Kind::dict) {
    for (std::size_t i = 0; i < node.items.size(); i += 2) {
      const PickleNode& key = tree_[node.items[i]];
      if (key.kind == Kind::text) {
        result.push_back({std::string(key.text), node.items[i + 1]});
      } else if (key.kind == Kind::integer) {
        result.push_back({std::to_string(key.integer), node.items[i + 1]});
      } else {
        result.push_back({"(" + std::string(describe(key.kind)) + ")", node.items[i + 1]});
      }
    }
  }
  return result;
}

bool Chooser::holds_tensor(PickleRef ref, int nesting) {
  if (is_torch_tensor(tree_, ref)) return true;
  if (!is_container(ref)) return false;
  if (nesting > kMaxNesting)
    fail(fmt::format("containers are nested more than {} deep, or hold themselves", kMaxNesting));
  if (const auto known = holds_.find(ref); known != holds_.end()) return known->second;
  bool holds = false;
  for (const Child& child : children(ref)) holds = holds_tensor(child.value, nesting + 1) || holds;
  return holds_[ref] = holds;
}

std::optional<PickleRef> Chooser::find_part(PickleRef ref, std::string_view part, int nesting) const {
  if (part.empty()) return ref;
  if (!is_container(ref) || nesting > kMaxNesting) return std::nullopt;
  for (const Child& child : children(ref)) {
    if (!part.starts_with(child.key)) continue;
    const std::string_view rest = part.substr(child.key.size());
    if (!rest.empty() && !rest.starts_with('.')) continue;
    if (const auto found = find_part(child.value, rest.empty() ? rest : rest.substr(1), nesting + 1)) return found;
  }
  return std::nullopt;
}

PickleRef Chooser::usual_part() {
  const PickleRef root = tree_.root;
  std::vector<Child> candidates;
  bool tensors_in_root = false;
  for (const Child& child : children(root)) {
    if (is_torch_tensor(tree_, child.value)) {
      tensors_in_root = tensors_in_root || !is_one_of(child.key, kTrainerKeys);
    } else if (is_container(child.value) && holds_tensor(child.value)) {
      if (child.key == "state_dict" && !tensors_in_root) return child.value;
      if (is_one_of(child.key, kUsualKeys)) candidates.push_back(child);
    }
  }
  if (tensors_in_root || candidates.empty() || tree_[root].kind != Kind::dict) {
    leaves_out_trainer_ = !tensors_in_root;
    return root;
  }
  if (candidates.size() > 1) {
    std::string names;
    for (const Child& candidate : candidates) names += (names.empty() ? "" : ", ") + in_quotes(candidate.key);
    fail(fmt::format("several parts could be the model: {}; name the one you mean: {}#{}", names, path_,
                     candidates.front().key));
  }
  return candidates.front().value;
}

void Chooser::note_skipped(const std::string& name) {
  if (skipped_++ == 0) first_skipped_ = name;
}

// The tensors at and below `ref` in the order of the file.
void Chooser::collect(PickleRef ref, const std::string& name, bool of_model, int nesting) {
  if (++visits_ > kMaxVisits) fail("its containers share parts so often that they unfold to too many values");
  if (nesting > kMaxNesting)
    fail(fmt::format("containers are nested more than {} deep, or hold themselves", kMaxNesting));
  if (is_torch_tensor(tree_, ref)) {
    TorchTensor tensor = read_torch_tensor(tree_, ref, storages_, context_);
    if (!tensor.unsupported.empty()) {
      if (of_model)
        fail(fmt::format("{} is {}, which this version does not read", in_quotes(name), tensor.unsupported));
      return;
    }
    auto& list = of_model ? contents_.tensors : contents_.beside;
    if (list.size() == kMaxTensors) fail(fmt::format("more than {} tensors", kMaxTensors));
    if (name.size() > kMaxTensorName) fail("a name is too long");
    tensor.entry.name = name;
    list.push_back(std::move(tensor.entry));
    return;
  }
  if (!is_container(ref)) {
    if (of_model) note_skipped(name);
    return;
  }
  for (const Child& child : children(ref)) {
    const bool trainers = nesting == 0 && of_model && leaves_out_trainer_ && is_one_of(child.key, kTrainerKeys);
    if (!of_model && child.value == model_) continue;
    if (trainers) continue;
    collect(child.value, nesting == 0 ? child.key : name + "." + child.key, of_model, nesting + 1);
  }
}

void Chooser::check_names() const {
  std::vector<std::string_view> names;
  for (const TensorEntry& tensor : contents_.tensors) names.push_back(tensor.name);
  if (const auto twice = find_duplicate(names)) fail("two tensors have the name " + in_quotes(names[twice->first]));
}

FileContents Chooser::choose(std::string_view part) {
  const PickleRef root = tree_.root;
  const bool any = holds_tensor(root);
  if (!part.empty()) {
    const auto found = find_part(root, part);
    if (!found || !holds_tensor(*found)) fail("it has no part " + in_quotes(part) + " that holds tensors");
    model_ = *found;
  } else {
    const bool is_empty_dict = tree_[root].kind == Kind::dict && tree_[root].items.empty();
    if (!any && !is_empty_dict) fail("it holds no tensor, but " + std::string(describe(tree_[root].kind)));
    model_ = is_torch_tensor(tree_, root) || !is_container(root) ? root : usual_part();
  }
  collect(model_, "", true);
  if (model_ != root) {
    collect(root, "", false);
  } else if (leaves_out_trainer_) {
    for (const Child& child : children(root)) {
      if (is_one_of(child.key, kTrainerKeys)) collect(child.value, child.key, false, 1);
    }
  }
  check_names();
  if (skipped_ > 0) {
    contents_.warnings.push_back(fmt::format("{}: skipped what is no tensor: {}{}", in_quotes(path_),
                                             in_quotes(first_skipped_),
                                             skipped_ == 1 ? "" : fmt::format(" and {} more", skipped_ - 1)));
  }
  return std::move(contents_);
}

}  // namespace

FileContents choose_state_dict(const PickleTree& tree, const TorchStorages& storages, std::string_view part,
                               const std::string& path, const std::string& context) {
  return Chooser(tree, storages, path, context).choose(part);
}

}  // namespace brainsurgery
