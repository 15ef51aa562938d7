// What the core reports while it works. Front ends render it; the core prints nothing.
//
//   struct Printer : EventSink { void on(const Event& event) override { ... } };
//
// Events arrive on the thread that called the session, in plan order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "brainsurgery/error.h"

namespace brainsurgery {

// A file that a directory takes over from the folder of the model: no weights.
struct CarriedFile {
  std::string name;
  std::int64_t bytes = 0;
};

// A value in a document of the model, as config.json, that the output has otherwise.
struct DocumentChange {
  std::string document, key;  // the name of the file, and "text_config.num_hidden_layers"
  std::string before, after;  // as JSON, cut where it is long; empty: nothing
  bool derived = false;       // it follows from the tensors; no step asked for it

  friend bool operator==(const DocumentChange&, const DocumentChange&) = default;
};
// "config.json: num_hidden_layers 32 -> 48"
[[nodiscard]] std::string to_string(const DocumentChange& change);

namespace events {
struct Warning {
  Diagnostic diagnostic;
};
struct InputOpened {
  std::string alias, path;
  std::int64_t tensors, bytes;  // bytes of tensor data
};
struct StepBound {
  int index;  // in the plan, from 0
  std::string command;
  std::int64_t created, changed, deleted;  // tensors
};
struct AssertionHeld {
  int index;
};
struct Printed {
  std::string text;  // for the user: what dump, diff, help and set print, previews, verbose lines; whole lines
};
struct OutputStarted {
  std::string alias, path, reason;  // why this alias is written
  std::int64_t tensors, bytes;      // bytes of all files
  std::int64_t bytes_copied, bytes_computed;
  std::vector<CarriedFile> carried = {};
  std::vector<DocumentChange> changes = {};
};
struct Progress {
  std::int64_t bytes_done;
  std::int64_t bytes_total;    // of the output; 0: an assertion or a report reads, nobody knows how much
  bool counts_effort = false;  // dense operations are among them, as the bytes that are copied in their time
  std::string work = {};       // "writing 'out.safetensors'", "step 3": whole words for people; empty: nobody knows
};
struct Published {
  std::string path;
  std::vector<std::string> files;    // names within a directory; empty for a single file
  std::vector<std::string> removed;  // of the replaced checkpoint
  bool atomic;                       // false: readers could see part of it for a moment
  std::int64_t bytes_shared = 0;     // that use the disk blocks of an input
};
}  // namespace events

using Event = std::variant<events::Warning, events::InputOpened, events::StepBound, events::AssertionHeld,
                           events::Printed, events::OutputStarted, events::Progress, events::Published>;

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on(const Event& event) = 0;
};

}  // namespace brainsurgery
