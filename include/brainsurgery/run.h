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
#include <utility>
#include <vector>

#include "brainsurgery/completion.h"
#include "brainsurgery/delta.h"
#include "brainsurgery/error.h"
#include "brainsurgery/tensor_look.h"
#include "brainsurgery/types.h"
#include "brainsurgery/values.h"

namespace brainsurgery {

struct RunReport;

struct StepsReport {
  int steps = 0;  // that were done,
  int edits = 0;  // and those of them that undo() can take back: all but steps that only look
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

// How the elements of a tensor, or of a part of it, are distributed.
struct ProfileQuery {
  std::string alias, name;
  std::string slice = {};  // as in ValueQuery
  std::int64_t bins = 0;   // of the histogram, at most 65536; 0: none is made
  // What the histogram covers; nullopt: from the smallest to the largest finite element.
  std::optional<std::pair<double, double>> range = std::nullopt;
};
struct ElementSummary {
  std::int64_t count = 0, nan = 0, infinite = 0, zeros = 0;
  // Of the finite elements, in float64; nullopt where there is none. `std` divides by their number less 1.
  std::optional<double> min, max, mean, std, l2;
};
struct Histogram {
  double low = 0, high = 0;          // the edges of equal bins, low < high
  std::vector<std::int64_t> counts;  // elements in each; one that equals `high` is in the last. Others are not counted
};
struct TensorProfile {
  TensorInfo part;          // the shape is that of the slice
  ElementSummary elements;  // `count` alone where they cannot be read or do not compute
  std::optional<Histogram> histogram;
};

// A step that step() did and nobody took back.
struct DoneStep {
  std::string text;                                  // as a line of OLY, or YAML where OLY cannot say it
  std::int64_t created = 0, changed = 0, deleted = 0;  // tensors
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
  // What step() would make of the tensors. Reads headers only, performs and prints nothing, and leaves the run as it is.
  [[nodiscard]] Outcome<std::vector<TensorChange>> preview(std::shared_ptr<const SourceText> text);
  // A step that opens a checkpoint under an alias, and one that writes a model to a file or directory.
  [[nodiscard]] Outcome<StepsReport> open(const std::string& alias, const std::string& path);
  [[nodiscard]] Outcome<StepsReport> save(const std::string& alias, const std::string& path);
  // An `exit` was done, by the plan or since: no more steps are to follow.
  [[nodiscard]] bool ended() const;

  // What may follow the text, of which step() is given the whole: steps and keys by the schemas, tensors of the models,
  // files. Reads headers of inputs where tensors are asked for.
  [[nodiscard]] Outcome<Completion> complete(std::string_view text, Typed typed = Typed::steps);
  // What is missing behind the text, for somebody who types: "from: ..., to: ...". Empty: nothing, or it is not known.
  [[nodiscard]] Outcome<std::string> hint(std::string_view text) const;

  // Takes the last step back that step() did, and with it what only looked since; the plan's own steps stay. False:
  // there is none.
  [[nodiscard]] Outcome<bool> undo();
  // Puts the result of the step in place that undo() took back last. False: there is none, or a step was done since.
  [[nodiscard]] Outcome<bool> redo();
  [[nodiscard]] bool can_undo() const;
  [[nodiscard]] bool can_redo() const;
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
  // The names that a pattern selects, as references have it: a regular expression, or [h, $i, '*rest'].
  [[nodiscard]] Outcome<std::vector<std::string>> matching(const std::string& alias, const std::string& pattern);
  // Where a tensor is from. Reads nothing.
  [[nodiscard]] Outcome<TensorOrigin> origin(const std::string& alias, const std::string& name);
  // Reads and computes what is asked for, in the memory that the options of the session allow.
  [[nodiscard]] Outcome<TensorValue> value(const ValueQuery& query);
  // The same; goes through the elements once, twice with a histogram, and twice more where some are not finite.
  [[nodiscard]] Outcome<TensorProfile> profile(const ProfileQuery& query);
  [[nodiscard]] Outcome<TensorPicture> picture(const PictureQuery& query);
  [[nodiscard]] Outcome<TensorBlock> block(const BlockQuery& query);
  // The Euclidean norm of each row of the matrix, in float64; none of dtypes that do not compute.
  [[nodiscard]] Outcome<std::vector<double>> row_norms(const std::string& alias, const std::string& name);
  // nullopt where there are no elements to compare: of other shapes, or of a dtype that does not compute.
  [[nodiscard]] Outcome<std::optional<TensorDistance>> distance(const TensorName& a, const TensorName& b);

  // What step() did, the oldest first: as many as undo() can take back.
  [[nodiscard]] Outcome<std::vector<DoneStep>> history() const;
  // A plan that makes the same: the inputs, the steps that were done with defaults and seeds filled in, the output.
  // Steps that only look are left out.
  [[nodiscard]] Outcome<std::string> plan() const;

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
