// The plan as a step that only looks sees it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/data_source.h"
#include "brainsurgery/name_scope.h"

namespace brainsurgery {

struct Catalog;

// A text that a step prints, and what else became known while it was made.
struct ReportText {
  std::string text;                        // ended by a newline unless empty
  std::string announcement;                // the line that `verbose` adds behind it; empty: none
  std::optional<std::string> failed = {};  // why the run must end with exit code 1 after the text
};

struct Report {
  std::function<ReportText(DataSource& data)> make;
  // What `make` asks for.
  std::vector<Expr> numbers = {};
  std::vector<Expr> values = {};

  // false: `make` may be given a source that fails.
  [[nodiscard]] bool needs_data() const { return !numbers.empty() || !values.empty(); }
};

// What a query may do: look, and print. What is printed and reported is queued in plan order, with the tensors as they
// are at this step.
class QueryScope : public NameScope {
 public:
  // The alias that references without one mean.
  [[nodiscard]] virtual std::optional<std::string> default_alias() const = 0;
  // Those that exist, opened or not, sorted.
  [[nodiscard]] virtual std::vector<std::string> aliases() const = 0;
  // Every tensor of the alias, sorted.
  [[nodiscard]] virtual std::vector<FoundTensor> tensors_of(const std::string& alias) = 0;
  // Puts the part that the slice of the reference selects in place of the whole tensor.
  virtual void take_slice(const TensorRef& ref, FoundTensor& tensor) = 0;
  // All steps and operators that there are.
  [[nodiscard]] virtual Catalog catalog() const = 0;

  virtual void print(std::string text) = 0;  // ended by a newline
  virtual void report(Report report) = 0;
  // A line that is printed if `verbose` is on.
  virtual void announce(std::string line) = 0;
};

}  // namespace brainsurgery
