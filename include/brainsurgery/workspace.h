// What a plan works on: aliases, each a state dict of names to expressions, and what a step changed in it.
//
//   Workspace next = workspace;   // a value: copying shares everything that neither side changes afterwards
//   next.add("model", std::move(state_dict));
//   next.at("model").put("w.half", scale(w, 0.5));
//
// A name keeps the place in key order that it was given when it was created; matching is always in sorted order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/delta.h"
#include "brainsurgery/expr.h"
#include "brainsurgery/name_map.h"

namespace brainsurgery {

// How often the plan used a tensor so far (behaviour of the plan language, section 7.2).
struct AccessCounts {
  std::int64_t reads = 0;
  std::int64_t writes = 1;

  friend bool operator==(const AccessCounts&, const AccessCounts&) = default;
};

// The stretch of a file that several names of a checkpoint were opened from: in PyTorch they share memory.
struct SharedStorage {
  const ReadableFile* file = nullptr;  // kept alive by the names' expressions
  std::int64_t begin = 0, size = 0;    // bytes

  friend bool operator==(const SharedStorage&, const SharedStorage&) = default;
};

struct NamedTensor {
  Expr expr;
  std::uint64_t order = 0;  // key order within its state dict
  AccessCounts counts;
  // As long as nothing was written to the name; `expr` is then the source that was opened.
  std::optional<SharedStorage> storage;
};

// The tensors of one alias. A value with shared content, as Workspace.
class StateDict {
 public:
  using Names = NameMap<NamedTensor>;

  StateDict() = default;
  explicit StateDict(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const Names& names() const { return names_; }
  [[nodiscard]] const NamedTensor* find(std::string_view name) const;
  // The checkpoint it was opened from, as the user wrote it; empty for one that the plan made.
  [[nodiscard]] const std::string& path() const { return path_; }
  // Names in key order.
  [[nodiscard]] std::vector<std::pair<std::string_view, const NamedTensor*>> in_key_order() const;

  // The other names that share storage with this one, sorted.
  [[nodiscard]] std::vector<std::string> partners(std::string_view name) const;

  // A new name goes to the end of the key order, with fresh counts; a known one keeps its place and counts. What the
  // name shared is over, unless it is given.
  void put(std::string name, Expr expr, std::optional<SharedStorage> storage = std::nullopt);
  void erase(std::string_view name);
  // Takes the entry of `from` out and gives it the name `to` at the end of the key order, with fresh counts.
  void rename(std::string_view from, std::string to);
  // The counts with these.
  AccessCounts count(std::string_view name, std::int64_t reads, std::int64_t writes);

 private:
  Names names_;
  std::uint64_t next_order_ = 0;
  std::string path_;
};

class Workspace {
 public:
  using Aliases = std::map<std::string, StateDict, std::less<>>;

  [[nodiscard]] const Aliases& aliases() const { return aliases_; }
  [[nodiscard]] const StateDict* find(std::string_view alias) const;
  // The alias must exist.
  [[nodiscard]] StateDict& at(std::string_view alias);
  void add(std::string alias, StateDict tensors);
  void erase(std::string_view alias);
  // `from` must exist, `to` must not.
  void rename(std::string_view from, std::string to);

 private:
  Aliases aliases_;
};

// The names of `after` whose tensors are not those of `before`, by alias and name.
[[nodiscard]] Delta difference(const Workspace& before, const Workspace& after);

}  // namespace brainsurgery
