// What the core reports, as lines for people or as JSON for programs.
#pragma once

#include <chrono>
#include <iosfwd>
#include <memory>
#include <string>

#include "brainsurgery/events.h"

namespace spdlog {
class logger;
}

namespace brainsurgery {

// The least important messages that are shown.
enum class LogLevel { debug, info, warning, error };

// What the plan prints on `out`; on `err` messages: warnings, where output goes and why, and on a terminal one line of
// progress.
class TextView final : public EventSink {
 public:
  struct Look {
    bool escape_output = false;  // `out` is a terminal: names must not steer it
    bool progress = false;
    bool color = false;
  };
  TextView(std::ostream& out, std::ostream& err, LogLevel level, Look look);
  ~TextView() override;
  void on(const Event& event) override;
  void fail(const Error& error);

 private:
  void show_progress(const events::Progress& progress);
  void clear_progress();
  void show(const Diagnostic& diagnostic);
  void print(const std::string& text);

  std::ostream& out_;
  std::ostream& err_;
  std::shared_ptr<spdlog::logger> log_;
  Look look_;
  bool progress_shown_ = false;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_shown_;
};

// One JSON object a line: {"event": "published", ...}. Errors are written as text to `err` too.
class JsonView final : public EventSink {
 public:
  JsonView(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}
  void on(const Event& event) override;
  void fail(const Error& error);

 private:
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace brainsurgery
