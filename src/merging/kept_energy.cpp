#include "merging/kept_energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace brainsurgery::merging {
namespace {

constexpr std::size_t kEach = 3;

struct Kind {
  std::int64_t matrices = 0, least_rank = std::numeric_limits<std::int64_t>::max(), most_rank = 0, short_of = 0;
  double total = 0, kept = 0;

  void add(double its_total, double its_kept, std::int64_t rank, bool is_short) {
    ++matrices;
    total += its_total;
    kept += its_kept;
    least_rank = std::min(least_rank, rank);
    most_rank = std::max(most_rank, rank);
    short_of += is_short ? 1 : 0;
  }
  [[nodiscard]] double error() const { return total == 0 ? 0 : std::sqrt(std::max(0.0, 1 - kept / total)); }
};

std::string table_of(const std::string& step, const std::map<std::string, Kind>& kinds) {
  std::size_t width = std::string_view("kind").size();
  for (const auto& [name, kind] : kinds) width = std::max(width, name.size());
  std::string text = fmt::format("{}: ranks that are kept\n  {:{}}  {:>8}  {:>9}  {:>14}\n", step, "kind", width,
                                 "matrices", "ranks", "relative error");
  for (const auto& [name, kind] : kinds) {
    const std::string ranks = kind.least_rank == kind.most_rank ? std::to_string(kind.most_rank)
                                                                : fmt::format("{}-{}", kind.least_rank, kind.most_rank);
    text += fmt::format("  {:{}}  {:>8}  {:>9}  {:>14.3g}\n", name, width, kind.matrices, ranks, kind.error());
  }
  return text;
}

}  // namespace

void KeptEnergy::add(const std::string& kind, const Truncated& product) {
  if (!policy_.table && (!policy_.wanted || policy_.on_loss == OnLoss::ignore)) return;
  kinds_.push_back(kind);
  numbers_.insert(numbers_.end(), {product.total, product.kept, product.count});
}

void KeptEnergy::report(QueryScope& plan) && {
  if (kinds_.empty()) return;
  Report report;
  report.numbers = numbers_;
  report.make = [step = step_, policy = policy_, names = std::move(kinds_), asked = std::move(numbers_)](DataSource& data) {
    constexpr double kTolerance = 1e-9;  // of sums of squares in double
    const std::vector<Number> numbers = data.numbers(asked);
    std::map<std::string, Kind> kinds;
    std::int64_t short_of = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const double total = std::get<double>(numbers[kEach * i]), kept = std::get<double>(numbers[kEach * i + 1]);
      const bool is_short = policy.wanted && !(kept >= (*policy.wanted - kTolerance) * total);
      kinds[names[i]].add(total, kept, std::get<std::int64_t>(numbers[kEach * i + 2]), is_short);
      short_of += is_short ? 1 : 0;
    }
    ReportText result;
    if (policy.table) result.text = table_of(step, kinds);
    if (short_of == 0 || policy.on_loss == OnLoss::ignore) return result;
    const std::string problem =
        fmt::format("{}: of {} of {} matrices the largest rank keeps less than the share {:.6g} of the sum of squares; "
                    "raise rank",
                    step, short_of, names.size(), *policy.wanted);
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
