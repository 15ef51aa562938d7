#include "formats/torch_state_dict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/duplicate_names.h"
#include "formats/pickle_text.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr int kMaxContainerNesting = 200;                 // containers inside each other
constexpr std::int64_t kMaxVisits = 10'000'000;  // a shared container counts each time
// What entries and their names may take: so much, and this many times the bytes of the pickle on the disk. An entry takes
// about 400 bytes, of 130 in the pickle.
constexpr std::int64_t kEntryMemory = 40 << 20;
constexpr std::int64_t kEntryMemoryPerByte = 4;
constexpr std::int64_t kSearchEntry = 64;  // bytes of a container that was searched

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
  std::optional<PickleRef> key;  // nullopt: the number
  std::size_t number;
  PickleRef value;
};

// The parts of a container, made one by one: a list can be shared by many. A module has three dicts of them.
class Children {
 public:
  Children() = default;
  explicit Children(std::vector<const PickleNode*> nodes) : nodes_(std::move(nodes)) {}

  [[nodiscard]] std::size_t size() const {
    std::size_t sum = 0;
    for (const PickleNode* node : nodes_) sum += size_of(*node);
    return sum;
  }
  [[nodiscard]] Child operator[](std::size_t i) const {
    auto node = nodes_.begin();
    for (; i >= size_of(**node); ++node) i -= size_of(**node);
    const std::span<const PickleRef> items = (*node)->items();
    return (*node)->kind == Kind::dict ? Child{items[2 * i], i, items[2 * i + 1]} : Child{std::nullopt, i, items[i]};
  }

 private:
  static std::size_t size_of(const PickleNode& node) { return node.kind == Kind::dict ? node.size / 2 : node.size; }

  std::vector<const PickleNode*> nodes_;
};

class Chooser {
 public:
  Chooser(const PickleTree& tree, const TorchStorages& storages, const std::string& path, const std::string& context)
      : tree_(tree), storages_(storages), path_(path), context_(context) {}

  FileContents choose(std::string_view part);

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[noreturn]] void fail_without_part(std::string_view part);
  void charge(std::int64_t bytes);
  [[nodiscard]] Children children(PickleRef ref) const;
  [[nodiscard]] bool is_module(PickleRef ref) const;
  [[nodiscard]] bool is_persistent(PickleRef module, const Child& child) const;
  [[nodiscard]] bool is_key(const Child& child, std::string_view text) const;
  [[nodiscard]] bool is_one_of(const Child& child, std::span<const std::string_view> names) const;
  [[nodiscard]] std::optional<std::string> key_text(const Child& child) const;
  [[nodiscard]] std::string name_of(const Child& child, const std::string* parent);
  [[nodiscard]] bool is_container(PickleRef ref) const;
  [[nodiscard]] static std::string some_of(const std::vector<std::string_view>& names);
  void warn_of_rank();
  void reserve_entries();
  void add_warnings(bool usual);
  bool holds_tensor(PickleRef ref, int nesting = 0);
  [[nodiscard]] std::optional<PickleRef> find_part(PickleRef ref, std::string_view part, int nesting = 0);
  [[nodiscard]] PickleRef usual_part();
  void collect(PickleRef ref, const std::string& name, bool of_model, int nesting = 0);
  void check_names() const;

  const PickleTree& tree_;
  const TorchStorages& storages_;
  const std::string& path_;
  const std::string& context_;
  enum class Holds : std::uint8_t { unknown, no, yes };
  std::vector<Holds> holds_;  // by value
  std::set<std::pair<PickleRef, std::size_t>> searched_;  // containers, and how much of the part was left to find
  PickleRef model_ = 0;
  bool leaves_out_trainer_ = false;  // the model is the root, where the trainer's keys are too
  std::int64_t visits_ = 0;
  std::int64_t held_ = 0;  // bytes of memory
  std::size_t skipped_ = 0;
  std::string first_skipped_;
  std::set<std::string_view> modules_;  // their classes
  FileContents contents_;
};

void Chooser::charge(std::int64_t bytes) {
  held_ += bytes;
  if (held_ > kEntryMemory + kEntryMemoryPerByte * tree_.stored)
    fail("its tensors and their names take more memory than a pickle of its size needs");
}

// A pickled torch.nn.Module: what its attributes hold is what state_dict() would give.
bool Chooser::is_module(PickleRef ref) const {
  const PickleNode& state = tree_.state(ref);
  return tree_.field(state, "_parameters") && tree_.field(state, "_buffers") && tree_.field(state, "_modules");
}

bool Chooser::is_persistent(PickleRef module, const Child& child) const {
  constexpr std::size_t kMaxNames = 64;
  const auto left_out = tree_.field(tree_.state(module), "_non_persistent_buffers_set");
  if (!left_out || !child.key) return true;
  const std::span<const PickleRef> names = tree_[*left_out].items();
  return std::ranges::none_of(names.first(std::min(names.size(), kMaxNames)),
                              [&](PickleRef name) { return is_key(child, tree_[name].text()); });
}

// Also of objects of derived classes, of modules, and of the modules of a script, whose attributes are set as a dict.
bool Chooser::is_container(PickleRef ref) const {
  const auto has_parts = [](const PickleNode& node) {
    return node.kind == Kind::dict || node.kind == Kind::list || node.kind == Kind::tuple;
  };
  return has_parts(tree_[ref]) || has_parts(tree_.content(ref)) || is_module(ref) ||
         (tree_.callee(ref).starts_with(kScriptPrefix) && has_parts(tree_.state(ref)));
}

Children Chooser::children(PickleRef ref) const {
  const PickleNode& node = tree_[ref];
  if (node.kind != Kind::object) return is_container(ref) ? Children({&node}) : Children();
  const PickleNode& state = tree_.state(ref);
  if (is_module(ref)) {
    std::vector<const PickleNode*> parts;
    for (const char* name : {"_parameters", "_buffers", "_modules"}) {
      const PickleNode& part = tree_[*tree_.field(state, name)];
      if (part.kind == Kind::dict) parts.push_back(&part);
    }
    return Children(std::move(parts));
  }
  if (tree_.callee(ref).starts_with(kScriptPrefix)) return Children({&state});
  return is_container(ref) ? Children({&tree_.content(ref)}) : Children();
}

bool Chooser::is_key(const Child& child, std::string_view text) const {
  return child.key && tree_[*child.key].kind == Kind::text && tree_[*child.key].text() == text;
}

bool Chooser::is_one_of(const Child& child, std::span<const std::string_view> names) const {
  return std::ranges::any_of(names, [&](std::string_view text) { return is_key(child, text); });
}

std::optional<std::string> Chooser::key_text(const Child& child) const {
  return child.key ? python_text(tree_, *child.key) : std::optional(std::to_string(child.number));
}

std::string Chooser::name_of(const Child& child, const std::string* parent) {
  const std::optional<std::string> key = key_text(child);
  if (!key) {
    fail(fmt::format("a tensor{} stands below a key that is {}, which has no name here",
                     parent == nullptr ? "" : " in " + in_quotes(*parent), describe(tree_[*child.key].kind)));
  }
  std::string name = parent == nullptr ? *key : *parent + "." + *key;
  charge(static_cast<std::int64_t>(name.size()));
  return name;
}

bool Chooser::holds_tensor(PickleRef ref, int nesting) {
  if (is_torch_tensor(tree_, ref)) return true;
  if (!is_container(ref)) return false;
  if (nesting > kMaxContainerNesting)
    fail(fmt::format("containers are nested more than {} deep, or hold themselves", kMaxContainerNesting));
  if (holds_.empty()) holds_.resize(tree_.count(), Holds::unknown);
  if (holds_[ref] != Holds::unknown) return holds_[ref] == Holds::yes;
  bool holds = false;
  const Children parts = children(ref);
  for (std::size_t i = 0; i < parts.size(); ++i) holds = holds_tensor(parts[i].value, nesting + 1) || holds;
  holds_[ref] = holds ? Holds::yes : Holds::no;
  return holds;
}

// Keys may hold dots and containers be shared: where a search failed once, it is not begun again.
std::optional<PickleRef> Chooser::find_part(PickleRef ref, std::string_view part, int nesting) {
  if (part.empty()) return ref;
  if (!is_container(ref) || nesting > kMaxContainerNesting || !searched_.emplace(ref, part.size()).second) return std::nullopt;
  charge(kSearchEntry);
  const Children parts = children(ref);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Child child = parts[i];
    if (++visits_ > kMaxVisits) fail(fmt::format("it has too many values to look for the part {}", in_quotes(part)));
    const std::optional<std::string> key = key_text(child);
    if (!key || !part.starts_with(*key)) continue;
    const std::string_view rest = part.substr(key->size());
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
      tensors_in_root = tensors_in_root || !is_one_of(child, kTrainerKeys);
    } else if (is_container(child.value) && holds_tensor(child.value)) {
      if (is_key(child, "state_dict") && !tensors_in_root) return child.value;
      if (is_one_of(child, kUsualKeys)) candidates.push_back(child);
    }
  }
  if (tensors_in_root || candidates.empty() || tree_[root].kind != Kind::dict) {
    leaves_out_trainer_ = !tensors_in_root;
    return root;
  }
  if (candidates.size() > 1) {
    std::string names;
    for (const Child& candidate : candidates) names += (names.empty() ? "" : ", ") + in_quotes(*key_text(candidate));
    throw Error(ErrorCode::run, fmt::format("{}: several parts could be the model: {}; name the one you mean: {}#{}",
                                            in_quotes(path_), names, path_, *key_text(candidates.front())));
  }
  return candidates.front().value;
}

// The tensors at and below `ref` in the order of the file.
void Chooser::collect(PickleRef ref, const std::string& name, bool of_model, int nesting) {
  if (nesting > kMaxContainerNesting)
    fail(fmt::format("containers are nested more than {} deep, or hold themselves", kMaxContainerNesting));
  if (is_torch_tensor(tree_, ref)) {
    TensorEntry tensor = read_torch_tensor(tree_, ref, storages_, context_);
    auto& list = of_model ? contents_.tensors : contents_.beside;
    if (list.size() == kMaxTensors) fail(fmt::format("more than {} tensors", kMaxTensors));
    if (name.size() > kMaxTensorName) fail("a name is too long");
    const std::size_t numbers = tensor.desc.shape.size() + tensor.strides.size();
    const std::size_t texts = name.size() + tensor.unreadable.size();
    if (tensor.shard) charge(static_cast<std::int64_t>(sizeof(TensorShard) + 4 * tensor.desc.shape.size() * sizeof(std::int64_t)));
    charge(static_cast<std::int64_t>(sizeof(TensorEntry) + texts + numbers * sizeof(std::int64_t)));
    tensor.name = name;
    tensor.unnamed = nesting == 0;
    list.push_back(std::move(tensor));
    return;
  }
  const bool of_module = is_module(ref);
  if (of_module) modules_.insert(tree_.callee(ref));
  const Children parts = children(ref);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Child child = parts[i];
    if (++visits_ > kMaxVisits) fail("its containers share parts so often that they unfold to too many values");
    const bool trainers = nesting == 0 && of_model && leaves_out_trainer_ && is_one_of(child, kTrainerKeys);
    if (trainers || (!of_model && child.value == model_)) continue;
    if (of_module && (tree_[child.value].kind == Kind::none || !is_persistent(ref, child))) continue;
    const bool leads_on = is_torch_tensor(tree_, child.value) || is_container(child.value);
    if (!leads_on && (!of_model || skipped_++ > 0)) continue;
    if (child.key && tree_[*child.key].kind != Kind::text && !key_text(child) && !holds_tensor(child.value)) {
      if (!leads_on) first_skipped_ = describe(tree_[child.value].kind);
      continue;
    }
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

// "a, b and 3 more".
std::string Chooser::some_of(const std::vector<std::string_view>& names) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  return names.size() <= kShown ? text : fmt::format("{} and {} more", text, names.size() - kShown);
}

// What one process of several wrote is no model, but looks like one.
void Chooser::warn_of_rank() {
  const auto warn = [&](const std::string& what) {
    contents_.warnings.push_back(fmt::format("{} is one rank's part of a model: {}", in_quotes(path_), what));
  };
  const PickleNode& root = tree_[tree_.root];
  const auto optimizer = tree_.field(root, "optimizer_state_dict");
  const bool partitioned = optimizer && tree_.field(tree_[*optimizer], "zero_stage");
  const auto is_placeholder = [](const TensorEntry& tensor) { return tensor.desc.shape == Shape{0}; };
  if (partitioned) {
    warn("it holds partitions of DeepSpeed's ZeRO optimizer; zero_to_fp32.py joins those of all ranks");
  } else if (tree_.field(root, "ds_version") && std::ranges::any_of(contents_.tensors, is_placeholder)) {
    warn("of some weights it holds empty placeholders of DeepSpeed's ZeRO stage 3; zero_to_fp32.py joins all ranks");
  } else if (const auto ranks = tree_.field(root, "mp_world_size");
             ranks && tree_[*ranks].kind == Kind::integer && tree_[*ranks].integer > 1) {
    warn(fmt::format("it was written by one of {} tensor-parallel ranks", tree_[*ranks].integer));
  }
}

// `usual`: no part was named.
void Chooser::add_warnings(bool usual) {
  warn_of_rank();
  if (usual && !contents_.beside.empty()) {
    contents_.warnings.push_back(fmt::format(
        "{}: ignored entries outside the model: {}{}", in_quotes(path_), in_quotes(contents_.beside.front().name),
        contents_.beside.size() == 1 ? "" : fmt::format(" and {} more tensors", contents_.beside.size() - 1)));
  }
  if (skipped_ > 0) {
    contents_.warnings.push_back(fmt::format("{}: skipped non-tensor entries: {}{}", in_quotes(path_),
                                             in_quotes(first_skipped_),
                                             skipped_ == 1 ? "" : fmt::format(" and {} more", skipped_ - 1)));
  }
  if (!modules_.empty()) {
    contents_.warnings.push_back(
        fmt::format("{} holds pickled modules ({}): their parameters and buffers are read, none of their code is run",
                    in_quotes(path_), some_of({modules_.begin(), modules_.end()})));
  }
  std::vector<std::string_view> unknown;
  std::ranges::copy_if(tree_.foreign, std::back_inserter(unknown),
                       [&](std::string_view name) { return !modules_.contains(name); });
  if (!unknown.empty()) {
    contents_.warnings.push_back(fmt::format("{}: skipped values made by {}; nothing of these is imported or called",
                                             in_quotes(path_), some_of(unknown)));
  }
}

// Growing would take the memory of all entries twice.
void Chooser::reserve_entries() {
  std::size_t tensors = 0;
  for (PickleRef ref = 0; ref < tree_.count(); ++ref) tensors += is_torch_tensor(tree_, ref) ? 1 : 0;
  contents_.tensors.reserve(std::min(tensors, kMaxTensors));
}

void Chooser::fail_without_part(std::string_view part) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> known;
  const Children parts = children(tree_.root);
  for (std::size_t i = 0; i < parts.size() && known.size() <= kShown; ++i) {
    const std::optional<std::string> key = key_text(parts[i]);
    if (key && is_container(parts[i].value) && holds_tensor(parts[i].value)) known.push_back(in_quotes(*key));
  }
  const bool has_more = known.size() > kShown;
  if (has_more) known.pop_back();
  throw Error(ErrorCode::run,
              fmt::format("{} has no part {} that holds tensors", in_quotes(path_), in_quotes(part)), {},
              known.empty() ? std::vector<std::string>()
                            : std::vector{fmt::format("parts with tensors: {}{}", fmt::join(known, ", "),
                                                      has_more ? ", ..." : "")});
}

FileContents Chooser::choose(std::string_view part) {
  const PickleRef root = tree_.root;
  const bool any = holds_tensor(root);
  if (!part.empty()) {
    const auto found = find_part(root, part);
    if (!found || !holds_tensor(*found)) fail_without_part(part);
    model_ = *found;
  } else {
    const bool is_empty_dict = tree_[root].kind == Kind::dict && tree_[root].size == 0;
    if (!any && !is_empty_dict)
      return {.without_tensors = context_ + ": it holds no tensor, but " + std::string(describe(tree_[root].kind))};
    model_ = is_torch_tensor(tree_, root) || !is_container(root) ? root : usual_part();
  }
  reserve_entries();
  collect(model_, "", true);
  if (model_ != root) {
    collect(root, "", false);
  } else if (leaves_out_trainer_) {
    const Children parts = children(root);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (is_one_of(parts[i], kTrainerKeys)) collect(parts[i].value, *key_text(parts[i]), false, 1);
    }
  }
  check_names();
  add_warnings(part.empty());
  return std::move(contents_);
}

}  // namespace

FileContents choose_state_dict(const PickleTree& tree, const TorchStorages& storages, std::string_view part,
                               const std::string& path, const std::string& context) {
  return Chooser(tree, storages, path, context).choose(part);
}

}  // namespace brainsurgery
