#include "formats/torch_state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
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

// A part of a container. The key of a list's is its number.
struct Child {
  const PickleNode* key;  // nullptr: the number
  std::size_t number;
  PickleRef value;

  [[nodiscard]] std::string name() const {
    if (key == nullptr) return std::to_string(number);
    if (key->kind == Kind::text) return std::string(key->text);
    if (key->kind == Kind::integer) return std::to_string(key->integer);
    return "(" + std::string(describe(key->kind)) + ")";
  }
  [[nodiscard]] bool is(std::string_view text) const {
    return key != nullptr && key->kind == Kind::text && key->text == text;
  }
  [[nodiscard]] bool is_one_of(std::span<const std::string_view> names) const {
    return std::ranges::any_of(names, [&](std::string_view text) { return is(text); });
  }
};

// The parts of a container, made one by one: a list can be shared by many.
class Children {
 public:
  Children(const PickleTree& tree, const PickleNode* node)
      : tree_(tree), node_(node), step_(node != nullptr && node->kind == Kind::dict ? 2 : 1) {}

  [[nodiscard]] std::size_t size() const { return node_ == nullptr ? 0 : node_->items.size() / step_; }
  [[nodiscard]] Child operator[](std::size_t i) const {
    const std::vector<PickleRef>& items = node_->items;
    return step_ == 1 ? Child{nullptr, i, items[i]} : Child{&tree_[items[2 * i]], i, items[2 * i + 1]};
  }

 private:
  const PickleTree& tree_;
  const PickleNode* node_;
  std::size_t step_;
};

class Chooser {
 public:
  Chooser(const PickleTree& tree, const TorchStorages& storages, const std::string& path, const std::string& context)
      : tree_(tree), storages_(storages), path_(path), context_(context) {}

  FileContents choose(std::string_view part);

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[nodiscard]] Children children(PickleRef ref) const;
  [[nodiscard]] std::string name_of(const Child& child, const std::string* parent);
  [[nodiscard]] bool is_container(PickleRef ref) const;
  bool holds_tensor(PickleRef ref, int nesting = 0);
  [[nodiscard]] std::optional<PickleRef> find_part(PickleRef ref, std::string_view part, int nesting = 0);
  [[nodiscard]] PickleRef usual_part();
  void collect(PickleRef ref, const std::string& name, bool of_model, int nesting = 0);
  void check_names() const;

  const PickleTree& tree_;
  const TorchStorages& storages_;
  const std::string& path_;
  const std::string& context_;
  std::unordered_map<PickleRef, bool> holds_;
  std::set<std::pair<PickleRef, std::size_t>> searched_;  // containers, and how much of the part was left to find
  PickleRef model_ = 0;
  bool leaves_out_trainer_ = false;  // the model is the root, where the trainer's keys are too
  std::int64_t visits_ = 0;
  std::size_t name_bytes_ = 0;
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

Children Chooser::children(PickleRef ref) const {
  const PickleNode* node = &tree_[ref];
  if (node->kind == Kind::object) node = &tree_[node->items[2]];
  const bool has_parts = node->kind == Kind::dict || node->kind == Kind::list || node->kind == Kind::tuple;
  return Children(tree_, has_parts ? node : nullptr);
}

std::string Chooser::name_of(const Child& child, const std::string* parent) {
  std::string name = parent == nullptr ? child.name() : *parent + "." + child.name();
  name_bytes_ += name.size();
  if (name_bytes_ > kMaxNameBytes) fail(fmt::format("its names have more than {} bytes", kMaxNameBytes));
  return name;
}

bool Chooser::holds_tensor(PickleRef ref, int nesting) {
  if (is_torch_tensor(tree_, ref)) return true;
  if (!is_container(ref)) return false;
  if (nesting > kMaxNesting)
    fail(fmt::format("containers are nested more than {} deep, or hold themselves", kMaxNesting));
  if (const auto known = holds_.find(ref); known != holds_.end()) return known->second;
  bool holds = false;
  const Children parts = children(ref);
  for (std::size_t i = 0; i < parts.size(); ++i) holds = holds_tensor(parts[i].value, nesting + 1) || holds;
  return holds_[ref] = holds;
}

// Keys may hold dots and containers be shared: where a search failed once, it is not begun again.
std::optional<PickleRef> Chooser::find_part(PickleRef ref, std::string_view part, int nesting) {
  if (part.empty()) return ref;
  if (!is_container(ref) || nesting > kMaxNesting || !searched_.emplace(ref, part.size()).second) return std::nullopt;
  const Children parts = children(ref);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Child child = parts[i];
    if (++visits_ > kMaxVisits) fail(fmt::format("it has too many values to look for the part {}", in_quotes(part)));
    const std::string key = child.name();
    if (!part.starts_with(key)) continue;
    const std::string_view rest = part.substr(key.size());
    if (!rest.empty() && !rest.starts_with('.')) continue;
    if (const auto found = find_part(child.value, rest.empty() ? rest : rest.substr(1), nesting + 1)) return found;
  }
  return std::nullopt;
}

PickleRef Chooser::usual_part() {
  const PickleRef root = tree_.root;
  std::vector<Child> candidates;
  bool tensors_in_root = false;
  const Children parts = children(root);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Child child = parts[i];
    if (is_torch_tensor(tree_, child.value)) {
      tensors_in_root = tensors_in_root || !child.is_one_of(kTrainerKeys);
    } else if (is_container(child.value) && holds_tensor(child.value)) {
      if (child.is("state_dict") && !tensors_in_root) return child.value;
      if (child.is_one_of(kUsualKeys)) candidates.push_back(child);
    }
  }
  if (tensors_in_root || candidates.empty() || tree_[root].kind != Kind::dict) {
    leaves_out_trainer_ = !tensors_in_root;
    return root;
  }
  if (candidates.size() > 1) {
    std::string names;
    for (const Child& candidate : candidates) names += (names.empty() ? "" : ", ") + in_quotes(candidate.name());
    fail(fmt::format("several parts could be the model: {}; name the one you mean: {}#{}", names, path_,
                     candidates.front().name()));
  }
  return candidates.front().value;
}

// The tensors at and below `ref` in the order of the file.
void Chooser::collect(PickleRef ref, const std::string& name, bool of_model, int nesting) {
  if (nesting > kMaxNesting)
    fail(fmt::format("containers are nested more than {} deep, or hold themselves", kMaxNesting));
  if (is_torch_tensor(tree_, ref)) {
    TensorEntry tensor = read_torch_tensor(tree_, ref, storages_, context_);
    auto& list = of_model ? contents_.tensors : contents_.beside;
    if (list.size() == kMaxTensors) fail(fmt::format("more than {} tensors", kMaxTensors));
    if (name.size() > kMaxTensorName) fail("a name is too long");
    tensor.name = name;
    tensor.unnamed = nesting == 0;
    list.push_back(std::move(tensor));
    return;
  }
  const Children parts = children(ref);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Child child = parts[i];
    if (++visits_ > kMaxVisits) fail("its containers share parts so often that they unfold to too many values");
    const bool trainers = nesting == 0 && of_model && leaves_out_trainer_ && child.is_one_of(kTrainerKeys);
    if (trainers || (!of_model && child.value == model_)) continue;
    const bool leads_on = is_torch_tensor(tree_, child.value) || is_container(child.value);
    if (!leads_on && (!of_model || skipped_++ > 0)) continue;
    std::string child_name = name_of(child, nesting == 0 ? nullptr : &name);
    if (leads_on) {
      collect(child.value, child_name, of_model, nesting + 1);
    } else {
      first_skipped_ = std::move(child_name);
    }
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
    if (!any && !is_empty_dict)
      return {.without_tensors = context_ + ": it holds no tensor, but " + std::string(describe(tree_[root].kind))};
    model_ = is_torch_tensor(tree_, root) || !is_container(root) ? root : usual_part();
  }
  collect(model_, "", true);
  if (model_ != root) {
    collect(root, "", false);
  } else if (leaves_out_trainer_) {
    const Children parts = children(root);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].is_one_of(kTrainerKeys)) collect(parts[i].value, parts[i].name(), false, 1);
    }
  }
  check_names();
  if (part.empty() && !contents_.beside.empty()) {
    contents_.warnings.push_back(fmt::format(
        "{}: ignored entries outside the model: {}{}", in_quotes(path_), in_quotes(contents_.beside.front().name),
        contents_.beside.size() == 1 ? "" : fmt::format(" and {} more tensors", contents_.beside.size() - 1)));
  }
  if (skipped_ > 0) {
    contents_.warnings.push_back(fmt::format("{}: skipped non-tensor entries: {}{}", in_quotes(path_),
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
