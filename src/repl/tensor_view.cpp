#include "repl/tensor_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "describe/tensor_text.h"

namespace brainsurgery {
namespace {

constexpr int kCellWidth = 11, kMostRows = 6;
constexpr int kHistogramRows = 5;
constexpr std::array<const char*, 9> kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::int64_t kEighths = 8;

std::string cell(const Number& number) {
  const std::string text = std::holds_alternative<double>(number)
                               ? fmt::format("{:.4g}", std::get<double>(number))
                               : std::visit([](const auto value) { return fmt::format("{}", value); }, number);
  return fmt::format("{:>{}}", text, kCellWidth);
}

std::string corner_text(const CornerPart& corner, const std::vector<Number>& values) {
  std::string text;
  for (std::int64_t row = 0; row < corner.rows; ++row) {
    for (std::int64_t column = 0; column < corner.columns; ++column) {
      const auto at = static_cast<std::size_t>(row * corner.columns + column);
      if (at < values.size()) text += cell(values[at]);
    }
    text += corner.more_columns ? "  ...\n" : "\n";
  }
  if (corner.more_rows) text += fmt::format("{:>{}}\n", "...", kCellWidth);
  return text;
}

std::string share(std::int64_t part, std::int64_t whole) {
  return part == 0 ? "0" : fmt::format("{} ({:.3g}%)", part, 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string numbers_text(const ElementSummary& elements) {
  const auto& [count, nan, infinite, zeros, min, max, mean, std, l2] = elements;
  std::string text = fmt::format("elements {}  zeros {}  NaN {}  Inf {}\n", count, share(zeros, count),
                                 share(nan, count), share(infinite, count));
  if (min) {
    text += fmt::format("min {}  max {}  mean {}  std {}  l2 {}\n", short_number(*min), short_number(*max),
                        short_number(*mean), short_number(*std), short_number(*l2));
  }
  return text;
}

}  // namespace

CornerPart corner_of(const Shape& shape, int terminal_columns) {
  CornerPart part{"", 1, 1, 1};
  if (shape.empty()) return part;
  const std::int64_t fitting = std::max(1, (terminal_columns - 5) / kCellWidth);
  part.columns = std::min(shape.back(), fitting);
  part.more_columns = part.columns < shape.back();
  const bool has_rows = shape.size() > 1;
  if (has_rows) {
    const std::int64_t rows = shape[shape.size() - 2];
    part.rows = std::min<std::int64_t>(rows, kMostRows);
    part.more_rows = part.rows < rows;
  }
  part.count = std::ranges::find(shape, 0) != shape.end() ? 0 : part.rows * part.columns;
  part.slice = "[";
  for (std::size_t i = 0; i + 2 < shape.size(); ++i) part.slice += "0, ";
  if (has_rows) part.slice += fmt::format("0:{}, ", part.rows);
  part.slice += fmt::format("0:{}]", part.columns);
  return part;
}

std::int64_t usual_bins(std::int64_t elements, int terminal_columns) {
  constexpr std::int64_t kFewest = 8, kMost = 64;
  const auto by_rule = std::llround(2 * std::cbrt(static_cast<double>(elements)));
  return std::clamp<std::int64_t>(by_rule, kFewest, std::clamp<std::int64_t>(terminal_columns - 1, kFewest, kMost));
}

std::string histogram_view(const Histogram& histogram, int rows) {
  const std::int64_t most = std::ranges::max(histogram.counts);
  std::string text;
  for (int row = rows - 1; row >= 0; --row) {
    for (const std::int64_t count : histogram.counts) {
      const double height = most == 0 ? 0 : static_cast<double>(count) / static_cast<double>(most);
      // A bin with an element is seen, however few they are.
      const auto least = std::int64_t{count > 0 ? 1 : 0};
      const std::int64_t eighths = std::max<std::int64_t>(least, std::llround(height * rows * kEighths));
      text += kBlocks[static_cast<std::size_t>(std::clamp<std::int64_t>(eighths - row * kEighths, 0, kEighths))];
    }
    text += "\n";
  }
  const std::string low = short_number(histogram.low), high = short_number(histogram.high);
  const auto bins = std::ssize(histogram.counts);
  const std::int64_t between = std::max<std::int64_t>(1, bins - std::ssize(low) - std::ssize(high));
  return text + low + std::string(static_cast<std::size_t>(between), ' ') + high + "\n";
}

std::string tensor_view(const std::string& title, const TensorProfile& profile, const CornerPart& corner,
                        const std::vector<Number>& values) {
  std::string text = fmt::format("{}  {} {}", title, profile.part.dtype, to_string(profile.part.shape));
  if (profile.part.bytes) text += "  " + format_size(*profile.part.bytes);
  text += "\n";
  if (values.empty() && !profile.elements.min && profile.elements.nan + profile.elements.infinite == 0) {
    return text + (profile.elements.count == 0 ? "it has no elements\n" : "its elements have no numbers to show\n");
  }
  text += numbers_text(profile.elements) + "\n" + corner_text(corner, values);
  if (profile.histogram) {
    text += "\n" + histogram_view(*profile.histogram, kHistogramRows);
    const std::int64_t most = std::ranges::max(profile.histogram->counts);
    text += fmt::format("{}, the highest has {}\n", counted(std::ssize(profile.histogram->counts), "bin"), counted(most, "element"));
  }
  return text;
}

}  // namespace brainsurgery
