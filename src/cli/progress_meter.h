// How fast work goes and how long it takes, from the core's events and a clock.
//
//   ProgressMeter meter(std::chrono::milliseconds(100));
//   if (std::optional<ProgressReading> reading = meter.read(event)) show(*reading);
#pragma once

#include <chrono>
#include <optional>

#include "brainsurgery/events.h"

namespace brainsurgery {

struct ProgressReading {
  events::Progress progress;
  double seconds = 0;                    // since the work began
  double rate = 0;                       // bytes a second, or of effort; 0: not known yet
  std::optional<double> seconds_left = {};  // once there is enough to tell it from
};

class ProgressMeter {
 public:
  explicit ProgressMeter(std::chrono::milliseconds interval) : interval_(interval) {}
  // nullopt where the last reading is not old enough, or the work only began. Dense work, whose first operation may take
  // long, is read at once.
  [[nodiscard]] std::optional<ProgressReading> read(const events::Progress& progress);
  // Something else was reported: what comes next is read as if it came first.
  void pause() { any_read_ = false; }

 private:
  std::chrono::milliseconds interval_;
  bool any_read_ = false;
  events::Progress last_{0, -1};
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_read_;
};

}  // namespace brainsurgery
