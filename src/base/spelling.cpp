#include "base/spelling.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <tuple>

#include "base/text.h"

namespace brainsurgery {
namespace {

// Longer words get no more freedom; it also bounds the work per candidate.
constexpr int kMaxDistance = 6;

// A lower bound of the distance from the letters alone: cheap, and it drops most candidates.
int letters_apart(std::string_view a, std::string_view b) {
  std::array<int, 256> count{};
  for (const char c : a) ++count[static_cast<unsigned char>(c)];
  for (const char c : b) --count[static_cast<unsigned char>(c)];
  int more = 0, less = 0;
  for (const int n : count) (n > 0 ? more : less) += std::abs(n);
  return std::max(more, less);
}

// The distance, or anything above `limit` when it exceeds it. Optimal string alignment over a band of 2 * limit + 1.
int distance_within(std::string_view a, std::string_view b, int limit) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a.remove_prefix(1), b.remove_prefix(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a.remove_suffix(1), b.remove_suffix(1);
  const int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  if (std::abs(n - m) > limit) return limit + 1;
  const int far = limit + 1;
  const auto width = static_cast<std::size_t>(m) + 1;
  std::vector<int> before(width, far), previous(width, far), row(width, far);
  for (int j = 0; j <= std::min(m, limit); ++j) previous[static_cast<std::size_t>(j)] = j;
  for (int i = 1; i <= n; ++i) {
    std::fill(row.begin(), row.end(), far);
    if (i <= limit) row[0] = i;
    int best = row[0];
    for (int j = std::max(1, i - limit); j <= std::min(m, i + limit); ++j) {
      const auto k = static_cast<std::size_t>(j);
      const char ca = a[static_cast<std::size_t>(i) - 1], cb = b[k - 1];
      int cost = std::min({previous[k] + 1, row[k - 1] + 1, previous[k - 1] + (ca == cb ? 0 : 1)});
      if (i > 1 && j > 1 && ca == b[k - 2] && a[static_cast<std::size_t>(i) - 2] == cb) {
        cost = std::min(cost, before[k - 2] + 1);
      }
      row[k] = std::min(cost, far);
      best = std::min(best, row[k]);
    }
    // A swap reaches back two rows, so one row past the limit proves nothing yet.
    if (best > limit && *std::min_element(previous.begin(), previous.end()) > limit) return far;
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[static_cast<std::size_t>(m)];
}

}  // namespace

NearestNames::NearestNames(std::string_view word, std::size_t max)
    : word_(ascii_lower(word)),
      exact_(word),
      max_(max),
      limit_(std::clamp(static_cast<int>(word.size() / 3), 1, kMaxDistance)) {
  // One letter is no spelling mistake of another.
  if (word.size() < 2) limit_ = 0;
}

void NearestNames::offer(std::string_view candidate) {
  if (max_ == 0) return;
  const int limit = hits_.size() == max_ ? hits_.back().distance : limit_;
  const int longer = static_cast<int>(candidate.size()) - static_cast<int>(word_.size());
  if (std::abs(longer) > limit) return;
  const std::string lowered = ascii_lower(candidate);
  if (letters_apart(word_, lowered) > limit) return;
  const int distance = distance_within(word_, lowered, limit);
  if (distance > limit) return;
  Hit hit{distance, candidate == exact_, std::string(candidate)};
  const auto rank = [](const Hit& h) { return std::tuple(h.distance, !h.same_case, std::string_view(h.name)); };
  const auto place =
      std::lower_bound(hits_.begin(), hits_.end(), hit, [&](const Hit& x, const Hit& y) { return rank(x) < rank(y); });
  if (place != hits_.end() && place->name == hit.name) return;
  hits_.insert(place, std::move(hit));
  if (hits_.size() > max_) hits_.pop_back();
}

std::vector<std::string> NearestNames::result() const {
  std::vector<std::string> names;
  for (const Hit& hit : hits_) names.push_back(hit.name);
  return names;
}

std::vector<std::string> nearest_many(std::string_view word, std::span<const std::string> candidates, std::size_t max) {
  NearestNames names(word, max);
  for (const std::string& candidate : candidates) names.offer(candidate);
  return names.result();
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::vector<std::string> found = nearest_many(word, candidates, 1);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  NearestNames names(word, 1);
  for (const std::string_view candidate : candidates) names.offer(candidate);
  const std::vector<std::string> found = names.result();
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::optional<std::string> near = nearest(word, candidates);
  return near ? std::vector{"did you mean '" + *near + "'?"} : std::vector<std::string>();
}

}  // namespace brainsurgery
