// START HERE. The one door to the library: checks, explains and runs plans, looks into checkpoints, and describes the
// plan language.
//
//   Session session(posix_env(), events, {});
//   Outcome<RunReport> outcome = session.run(std::make_shared<SourceText>(SourceText{"plan.yaml", text}));
//   if (!outcome.ok()) std::cerr << to_string(outcome.error());
//
// No function throws; what went wrong is the Outcome's Error, whose code is the program's exit code. A Session is used
// by one thread at a time and keeps nothing between calls: each makes its own threads and ends them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/byte_counts.h"
#include "brainsurgery/cancellation.h"
#include "brainsurgery/config.h"
#include "brainsurgery/env.h"
#include "brainsurgery/error.h"
#include "brainsurgery/events.h"
#include "brainsurgery/run.h"

namespace brainsurgery {

struct Registries;  // brainsurgery/registries.h

// The executed-plan summary: the steps that were done, as YAML.
enum class SummaryMode : std::uint8_t {
  none,
  raw,      // as they were written
  resolve,  // with inputs and output, defaults and seeds filled in: itself a plan that gives the same output
};

struct SessionOptions {
  int threads = 0;                      // 0: as many as this process may use
  std::int64_t memory_bytes = 0;        // for tensors that must exist as a whole; 0: half of what is available
  std::int64_t tile_bytes = 512 << 10;  // of work at a time and thread
  std::string spill_directory = ".brainsurgery";  // for what exceeds memory_bytes
  std::string shard_size = "5GB";                 // of a directory whose plan names none; "none" for a single file
  bool overwrite = true;                          // false: an existing target is an error
  bool sync = true;                               // false: do not wait for the disk
  bool fuse = true;                               // false: every operation makes a whole tensor; for tests
  bool dry_run = false, preview = false, verbose = false;  // as `set` at the beginning of the plan would switch them
  std::optional<int> until;                                // do this many steps only, and write no output
  SummaryMode summary = SummaryMode::raw;
  std::string summary_path;    // where the summary goes; empty: into the report only
  std::string lock_path;    // where a run writes its lock; empty: nowhere
  std::string locked_path;  // the lock that a run is held to; empty: none
  std::string version;      // of the program, for locks
  VariableLookup environment;  // of ${oc.env:NAME} in plans; empty: no variable is set
  std::shared_ptr<Cancellation> cancellation;  // ends what the session does with an Error; nullptr: nothing does
};

struct OutputReport {
  std::string alias, path;
  std::string reason;              // why this alias is written
  std::vector<std::string> files;  // paths
  std::vector<CarriedFile> carried = {};  // those of `files` that are no weights
  std::vector<DocumentChange> changes = {};  // in these
  std::int64_t tensors = 0;
  ByteCounts planned;
  std::optional<ByteCounts> moved;  // by a run: equal to what was planned
  std::optional<std::string> digest = {};  // of the content, by a run that was asked for it
};

struct RunReport {
  int steps = 0;
  int assertions = 0;
  int undecided_assertions = 0;              // by headers alone; after a run they held
  // Of inputs, that are read for assertions, and for reports beside these, predicted; what the programs of outputs find
  // is not read for them. And how often tensors are gone through for both.
  std::int64_t assertion_bytes = 0, report_bytes = 0;
  int value_passes = 0;
  std::optional<std::int64_t> value_bytes_read;  // by a run, for both: as predicted, where nothing was known earlier
  std::vector<OutputReport> outputs;         // of saving steps and of the plan's output, in this order
  std::int64_t peak_whole_tensor_bytes = 0;  // predicted: tensors that must exist as a whole at one time
  std::int64_t predicted_peak_bytes = 0;     // the most resident memory of the process, once outputs are written
  std::int64_t peak_resident_bytes = 0;      // by a run: the most that was, as the system counts
  std::string summary;                       // of a run; empty for SummaryMode::none
};

// Asked before a step with impact is done while `preview` is on, after its preview was printed; false: it is not done.
using Confirm = std::function<bool(const std::string& question)>;

// Which tensors `inspect` shows, and how.
struct InspectView {
  std::optional<std::string> match;  // a pattern as references have it: a regular expression, or [h, $i, '*rest']
  std::optional<std::string> dtype = {};  // of a plan or of the file, as bf16, F8_E4M3, Q4_K
  std::optional<std::string> shape = {};  // sizes, as [*, 768]: * is any size, ... any number of them
  enum class Sort : std::uint8_t { name, size } sort = Sort::name;
  // As text: a line each; a tree by the segments of names, equal layers on one line; or sums by dtype and by module.
  enum class Layout : std::uint8_t { list, tree, totals } layout = Layout::list;
  bool for_terminal = false;  // without characters that a terminal obeys
  bool color = false;         // as text
  int columns = 0;            // as text: of the terminal, to which names are cut; 0: they are not
};

class Session {
 public:
  // `env` and `events` outlive it. `registries`: the library's own, where none are given.
  Session(Env& env, EventSink& events, SessionOptions options);
  Session(Env& env, EventSink& events, SessionOptions options, Registries registries);
  ~Session();

  // Binds the plan, checks its assertions, and publishes its output.
  [[nodiscard]] Outcome<RunReport> run(const PlanSource& plan);
  // Does the steps of the plan, not its output, and goes on from there.
  [[nodiscard]] Outcome<std::unique_ptr<Run>> start(const PlanSource& plan, Confirm confirm);
  // The first pass alone: every mistake that headers can show, and what a run would write. Reads no tensor data, writes
  // nothing.
  [[nodiscard]] Outcome<RunReport> check(const PlanSource& plan);
  // The steps, and how the bytes of each output come about, as text.
  [[nodiscard]] Outcome<std::string> explain(const PlanSource& plan);
  // The tensors of a checkpoint, a line each and a total.
  [[nodiscard]] Outcome<std::string> inspect_text(const std::string& path, bool digest, const InspectView& view = {});
  // The same as one JSON object: {"tensors": [{"name", "dtype", "shape", "nbytes", "file", "sha256"}], "metadata": {},
  // "format": "safetensors"}; "sha256", of the row-major little-endian bytes, with `digest` only, which reads all
  // tensor data.
  [[nodiscard]] Outcome<std::string> inspect_json(const std::string& path, bool digest, const InspectView& view = {});
  // The digest of a checkpoint's content, whatever its format, files and their order (docs/digests.md): a line, after
  // one for each tensor where `each`; or a JSON object. Reads all tensor data.
  [[nodiscard]] Outcome<std::string> digest_text(const std::string& path, bool each);
  [[nodiscard]] Outcome<std::string> digest_json(const std::string& path);
  // Holds a checkpoint against `expected`: a digest, or the path of a file that digest_json() made. A sentence if it is
  // equal, else an Error(assertion) that names the tensors that differ.
  [[nodiscard]] Outcome<std::string> verify(const std::string& path, const std::string& expected);
  // Finishes a publication into a directory that was interrupted, or takes it back; the sentence says which, or that
  // there was none. An error where other files stand in the way: then nothing was touched.
  [[nodiscard]] Outcome<std::string> repair(const std::string& directory);
  // Lines in the one-line syntax OLY as YAML list entries for `transforms`; each text holds any number of lines.
  [[nodiscard]] Outcome<std::string> oly_to_yaml(const std::vector<std::shared_ptr<const SourceText>>& texts);
  // The plan, as YAML, that takes back what the plan in the text does; an error at the step that cannot be.
  [[nodiscard]] Outcome<std::string> invert(const std::shared_ptr<const SourceText>& plan);
  // The steps of a plan as OLY, a line each; an error where one has no such spelling.
  [[nodiscard]] Outcome<std::string> plan_to_oly(const PlanSource& plan);
  // A configuration of mergekit-yaml as a plan, YAML; `output`: the path that it writes to, empty: none.
  [[nodiscard]] Outcome<std::string> mergekit_to_plan(const std::shared_ptr<const SourceText>& config,
                                                      const std::string& output);

  // What the program knows of its language.
  //
  // What `help` prints: without a topic the list of commands; of the command `topic`; of its operator `part`.
  [[nodiscard]] Outcome<std::string> help(const std::optional<std::string>& topic,
                                          const std::optional<std::string>& part);
  // The JSON Schema (draft 7) of a plan.
  [[nodiscard]] Outcome<std::string> plan_schema();
  // Writes the reference manual below `directory`, as transforms/*.md and predicates/*.md; gives the paths.
  [[nodiscard]] Outcome<std::vector<std::string>> write_reference(const std::string& directory);
  // Candidates that begin with `word`, for shells: names of commands, or of the operators of `topic`; and arguments
  // `key.path=value` behind `plan`, with the tensors of its inputs where a value names some.
  [[nodiscard]] Outcome<std::vector<std::string>> complete_topic(const std::optional<std::string>& topic,
                                                                 const std::string& word);
  [[nodiscard]] Outcome<std::vector<std::string>> complete_argument(const PlanSource& plan, const std::string& word);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace brainsurgery
