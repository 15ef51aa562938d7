// A plan that goes on: its steps were done, and a prompt, a page or a program does further ones, looks at tensors and
// takes steps back, before the output is written.
//
//   Outcome<std::unique_ptr<Run>> run = session.start(plan, confirm);
//   run.value()->step(text);                                  // one step or several
//   run.value()->tensors("model").value();                    // names, dtypes, shapes
//   run.value()->undo();
//   Outcome<RunReport> report = run.value()->write();
//
// What a step does to tensors is a value, and undo and redo put the old and the new one in place: nothing is computed
// again. What a step printed or saved stays.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/delta.h"
#include "brainsurgery/error.h"
#include "brainsurgery/types.h"
#include "brainsurgery/values.h"

namespace brainsurgery {

struct RunReport;

struct StepsReport {
  int steps = 0;  // that were done
};

struct TensorInfo {
  std::string name;
  // As messages write it: "float32", or the form of a tensor whose elements cannot be read.
  std::string dtype;
  Shape shape;
  bool readable = true;  // its elements are
  std::optional<std::int64_t> bytes;  // packed; nullopt unless readable

  friend bool operator==(const TensorInfo&, const TensorInfo&) = default;
};

// Which part of a tensor is looked at, and what is wanted of it.
struct ValueQuery {
  std::string alias, name;
  std::string slice = {};         // "[0:2, 3]"; empty: the whole tensor
  bool statistics = true;         // reads all elements of the part
  std::int64_t most_values = 0;   // of the part's elements, from the first on in row-major order
};

struct TensorValue {
  TensorInfo part;              // the shape is that of the slice
  TensorStatistics statistics;  // empty where they were not wanted
  std::vector<Number> values;   // none of dtypes that do not compute
};

// Comes from a Session, which must outlive it. Used by one thread at a time, but for cancel(). No function throws; an
// Error leaves the run as it was before the step or the look that failed.
class Run {
 public:
  ~Run();

  // Whether more lines belong to the text that begins with these. One line that is a step as OLY is complete, unless it
  // is a bare `name:` that needs keys; anything else is complete with an empty line.
  [[nodiscard]] bool wants_more(std::string_view lines) const;
  // Does the steps of a text, YAML (a step or a list of them, no interpolation) or OLY, one after another, each
  // performed at once. Steps that cannot be read: none is done. An error later: the steps before it stay done, the
  // failing one leaves no trace, those behind it are dropped.
  [[nodiscard]] Outcome<StepsReport> step(std::shared_ptr<const SourceText> text);
  // An `exit` was done, by the plan or since: no more steps are to follow.
  [[nodiscard]] bool ended() const;

  // Takes the last step back that step() did; the plan's own steps stay. False: there is none.
  [[nodiscard]] Outcome<bool> undo();
  // Puts the result of the step in place that undo() took back last. False: there is none, or a step was done since.
  [[nodiscard]] Outcome<bool> redo();
  // What the last step that step() did and nobody took back made of the tensors, by alias and name: a name whose tensor
  // was replaced is changed. An input that the step opened is no change. Empty where there is no such step.
  [[nodiscard]] Outcome<Delta> delta() const;

  // The aliases that exist, sorted.
  [[nodiscard]] Outcome<std::vector<std::string>> aliases() const;
  // The names in one of them that begin with `prefix`, sorted; none where the alias does not exist. Opens the input of
  // the alias if that was not done yet.
  [[nodiscard]] Outcome<std::vector<std::string>> names(const std::string& alias, std::string_view prefix = {});
  // The tensors of those names. Reads headers only.
  [[nodiscard]] Outcome<std::vector<TensorInfo>> tensors(const std::string& alias, std::string_view prefix = {});
  // Reads and computes what is asked for, in the memory that the options of the session allow.
  [[nodiscard]] Outcome<TensorValue> value(const ValueQuery& query);

  // Ends the call that another thread is in, and all later ones, with an Error "cancelled", until resume(). The same as
  // to cancel the Cancellation of the session's options, if they have one.
  void cancel() noexcept;
  void resume() noexcept;

  // Writes the output and the summary, of the plan's steps and those done since. To be called once, at the end.
  [[nodiscard]] Outcome<RunReport> write();

 private:
  friend class Session;
  class Impl;
  explicit Run(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace brainsurgery
