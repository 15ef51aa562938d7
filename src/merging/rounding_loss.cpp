#include "merging/rounding_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

Expr count_different(const Expr& a, const Expr& b) {
  return reduce(reducer("count"), {map(operation("not"), {map(operation("equal"), {a, b})})});
}

Expr squares(const Expr& a) { return dot(a, a); }

struct Sums {
  std::int64_t elements = 0, should_move = 0, moved = 0;
  double error = 0, change = 0;  // squares

  void operator+=(const Sums& other) {
    elements += other.elements;
    should_move += other.should_move;
    moved += other.moved;
    error += other.error;
    change += other.change;
  }
  [[nodiscard]] double share_lost() const {
    return should_move == 0 ? 0 : 1 - static_cast<double>(moved) / static_cast<double>(should_move);
  }
  [[nodiscard]] double relative_error() const { return change == 0 ? 0 : std::sqrt(error / change); }
};

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string table_of(const std::string& step, const std::map<std::string, Sums>& kinds, const Sums& total) {
  std::string text = fmt::format("{}: what rounding to the model's dtype leaves of the change\n", step);
  std::size_t width = std::string_view("all").size();
  for (const auto& [kind, sums] : kinds) width = std::max(width, kind.size());
  text += fmt::format("  {:{}}  {:>14}  {:>14}  {:>9}  {:>14}\n", "kind", width, "should move", "did not move", "share",
                      "relative error");
  const auto line = [&](const std::string& kind, const Sums& sums) {
    text += fmt::format("  {:{}}  {:>14}  {:>14}  {:>9}  {:>14.3g}\n", kind, width, sums.should_move,
                        sums.should_move - sums.moved, percent(sums.share_lost()), sums.relative_error());
  };
  for (const auto& [kind, sums] : kinds) line(kind, sums);
  line("all", total);
  return text;
}

}  // namespace

void RoundingLoss::add(const std::string& kind, const Expr& before, const Expr& exact, const Expr& rounded) {
  if (policy_.on_loss == OnLoss::ignore && !policy_.table) return;
  const Expr wide = cast(before, exact.dtype());
  parts_.push_back({kind, element_count(before.shape())});
  numbers_.push_back(count_different(exact, wide));
  numbers_.push_back(count_different(rounded, before));
  if (!policy_.table) return;
  numbers_.push_back(squares(cast(rounded, exact.dtype()) - exact));
  numbers_.push_back(squares(exact - wide));
}

void RoundingLoss::report(QueryScope& plan) && {
  if (parts_.empty()) return;
  Report report;
  report.numbers = numbers_;
  report.make = [step = step_, policy = policy_, parts = std::move(parts_), asked = std::move(numbers_)](DataSource& data) {
    const std::vector<Number> numbers = data.numbers(asked);
    const std::size_t each = numbers.size() / parts.size();
    std::map<std::string, Sums> kinds;
    Sums total;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto count = [&](std::size_t k) { return std::get<std::int64_t>(numbers[i * each + k]); };
      const auto square = [&](std::size_t k) { return k < each ? std::get<double>(numbers[i * each + k]) : 0; };
      const Sums sums{parts[i].elements, count(0), count(1), square(2), square(3)};
      kinds[parts[i].kind] += sums;
      total += sums;
    }
    ReportText result;
    if (policy.table) result.text = table_of(step, kinds, total);
    if (policy.on_loss == OnLoss::ignore || !(total.share_lost() > policy.most)) return result;
    const std::string problem =
        fmt::format("{}: {} of the {} weights that change stay as they were: the change is below the rounding step of the "
                    "dtype; cast the model to float32 first, or raise max_loss from {}",
                    step, percent(total.share_lost()), total.should_move, policy.most);
    if (policy.on_loss == OnLoss::fail) {
      result.failed = problem;
    } else {
      result.text += fmt::format("warning: {}\n", problem);
    }
    return result;
  };
  plan.report(std::move(report));
}

}  // namespace brainsurgery::merging
