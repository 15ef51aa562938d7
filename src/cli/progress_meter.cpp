#include "cli/progress_meter.h"

namespace brainsurgery {
namespace {

constexpr double kFirstEstimate = 1.0;  // seconds of work before it says how many are left

}  // namespace

std::optional<ProgressReading> ProgressMeter::read(const events::Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  const bool is_new = progress.bytes_total != last_.bytes_total || progress.bytes_done < last_.bytes_done;
  last_ = progress;
  if (is_new) started_ = now;
  if (any_read_ && now - last_read_ < interval_) return std::nullopt;
  if (!any_read_ && !progress.counts_effort && now - started_ < interval_) return std::nullopt;
  any_read_ = true;
  last_read_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const auto done = static_cast<double>(progress.bytes_done), total = static_cast<double>(progress.bytes_total);
  ProgressReading reading{progress, seconds, seconds > 0 ? done / seconds : 0, std::nullopt};
  if (reading.rate > 0 && done < total && seconds >= kFirstEstimate)
    reading.seconds_left = (total - done) / reading.rate;
  return reading;
}

}  // namespace brainsurgery
