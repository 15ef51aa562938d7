// The one run that the server's page works on, for all tabs and threads: one call at a time, and whoever listens is told
// of changes.
//
//   Workbench bench(env, registries, options, stream);
//   bench.start(plan);
//   bench.look([](Run& run) { return run.profile(query); });
//   bench.change([](Run& run) { return run.undo(); });
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/scoped_value.h"
#include "brainsurgery/registries.h"
#include "brainsurgery/session.h"
#include "web/event_stream.h"
#include "web/json.h"

namespace brainsurgery::web {

// The value, or the Error as an exception.
template <typename T>
[[nodiscard]] T taken(Outcome<T> outcome) {
  if (!outcome.ok()) throw outcome.error();
  return std::move(outcome.value());
}

// Where the server works, for the page to show.
struct Place {
  std::string root;
  bool read_only = false;
};

// All functions may be called from several threads, but for start().
class Workbench final : private EventSink {
 public:
  // All but the options outlive it.
  Workbench(Env& env, const Registries& registries, SessionOptions options, EventStream& stream, Place place);

  // Does the plan's steps. Throws Error.
  void start(const PlanSource& plan);

  // Calls `work` with the run; what it throws goes through.
  template <typename Work>
  auto look(const Work& work) {
    const std::lock_guard lock(mutex_);
    if (!ended_) run_->resume();
    return work(*run_);
  }
  // The same of work that may change the run; afterwards all listeners hear of it, also where it failed half-way.
  template <typename Work>
  auto change(const Work& work) {
    const std::lock_guard lock(mutex_);
    if (!ended_) run_->resume();
    const Announcement announcement{*this};
    return work(*run_);
  }

  // The same of work that leaves the run as it is, and of whose events nobody is to hear.
  template <typename Work>
  auto foresee(const Work& work) {
    return look([&](Run& run) {
      const ScopedValue<bool> silent(silent_, true);
      return work(run);
    });
  }

  // A plan from its beginning to its output, beside the run; for work that holds the run.
  [[nodiscard]] RunReport run_plan(const PlanSource& plan) { return taken(session_.run(plan)); }

  // What the steps printed since it was called last by the thread that holds the run.
  [[nodiscard]] std::string take_output() { return std::exchange(output_, ""); }
  // Counts the changes; what was asked with another number may be outdated.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  // The tensors of an alias, by name; for work that holds the run.
  [[nodiscard]] const std::vector<TensorInfo>& tensors(Run& run, const std::string& alias);
  // Where an alias was opened from; nullopt: a step made it.
  [[nodiscard]] std::optional<std::string> path_of(const std::string& alias) const;

  // What a plan's `preview` asks: whether the step is to be done. What it asked is kept.
  struct Question {
    std::optional<bool> answer;
    bool asked = false;
  };
  // For work that holds the run.
  [[nodiscard]] Question& question() { return question_; }

  // Of the work at hand; may be called meanwhile.
  [[nodiscard]] Json progress() const;
  // Ends the work at hand.
  void cancel() noexcept { run_->cancel(); }
  // The same, and all later work.
  void end() noexcept {
    ended_ = true;
    if (run_) run_->cancel();
  }

  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] Env& env() { return env_; }

 private:
  // Tells of a change when the work is over.
  struct Announcement {
    Workbench& bench;
    ~Announcement() { bench.announce(); }
  };
  void on(const Event& event) override;
  void announce() noexcept;

  Env& env_;
  const Place place_;
  EventStream& stream_;
  Session session_;
  std::mutex mutex_;  // of the run, and of what the work with it writes
  std::unique_ptr<Run> run_;
  bool silent_ = false;
  std::string output_;
  Question question_;
  std::map<std::string, std::string> paths_;
  std::map<std::string, std::vector<TensorInfo>> tensors_;  // of this revision
  std::atomic<std::uint64_t> revision_ = 1;
  std::atomic<bool> ended_ = false;
  std::atomic<std::int64_t> done_bytes_ = 0, total_bytes_ = 0;
  std::chrono::steady_clock::time_point told_ = {};
};

}  // namespace brainsurgery::web
