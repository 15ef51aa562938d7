// Names, and what one looks at of tensors.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "base/text.h"
#include "web/endpoints.h"

namespace brainsurgery::web {
namespace {

using Type = Argument::Type;
using Method = Endpoint::Method;

const Argument kAlias{"alias", Type::text, true, "The model"};
const Argument kName{"name", Type::text, true, "The tensor"};

[[noreturn]] void refuse(std::string message) { throw Error(ErrorCode::plan, std::move(message)); }

// "768, *": sizes, of which * is any.
std::vector<std::optional<std::int64_t>> sizes_of(const std::string& text) {
  std::vector<std::optional<std::int64_t>> sizes;
  std::string_view left = trim(text);
  if (left.starts_with('[') && left.ends_with(']')) left = left.substr(1, left.size() - 2);
  while (!trim(left).empty()) {
    const std::size_t end = std::min(left.find(','), left.size());
    const std::string_view one = trim(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    if (one == "*") {
      sizes.emplace_back();
    } else if (!one.empty() && one.size() < 19 && one.find_first_not_of("0123456789") == std::string_view::npos) {
      sizes.emplace_back(std::stoll(std::string(one)));
    } else {
      refuse(fmt::format("'{}' is no shape; write sizes, as in 768, *", text));
    }
  }
  return sizes;
}

bool fits(const Shape& shape, const std::vector<std::optional<std::int64_t>>& sizes) {
  return std::ranges::equal(shape, sizes, [](std::int64_t size, const auto& wanted) { return !wanted || *wanted == size; });
}

// A part of a name may be typed as well as a pattern: where the text is no pattern that selects something, it is that.
std::set<std::string> matching(Run& run, const std::string& alias, const std::string& text,
                               const std::vector<TensorInfo>& tensors) {
  const Outcome<std::vector<std::string>> selected = run.matching(alias, text);
  if (selected.ok() && !selected.value().empty()) return {selected.value().begin(), selected.value().end()};
  std::set<std::string> names;
  for (const TensorInfo& tensor : tensors) {
    if (tensor.name.find(text) != std::string::npos) names.insert(tensor.name);
  }
  if (names.empty() && !selected.ok()) throw selected.error();
  return names;
}

Json tensors(Workbench& bench, const Json& arguments) {
  const std::string alias = text_argument(arguments, "alias"), match = text_argument(arguments, "match");
  const std::string dtype = text_argument(arguments, "dtype");
  const auto sizes = sizes_of(text_argument(arguments, "shape"));
  const std::int64_t offset = integer_argument(arguments, "offset", 0);
  const std::int64_t limit = integer_argument(arguments, "limit", 1'000'000);
  return bench.look([&](Run& run) {
    const std::vector<TensorInfo>& all = bench.tensors(run, alias);
    const std::set<std::string> names = match.empty() ? std::set<std::string>() : matching(run, alias, match, all);
    Json listed = Json::array();
    std::set<std::string> dtypes;
    std::int64_t matched = 0;
    for (const TensorInfo& tensor : all) {
      dtypes.insert(tensor.dtype);
      if (!match.empty() && !names.contains(tensor.name)) continue;
      if (!dtype.empty() && tensor.dtype != dtype) continue;
      if (!sizes.empty() && !fits(tensor.shape, sizes)) continue;
      if (matched >= offset && matched - offset < limit) listed.push_back(json_of(tensor));
      ++matched;
    }
    return Json{{"total", all.size()}, {"matched", matched}, {"dtypes", dtypes}, {"tensors", std::move(listed)}};
  });
}

Json optional_number(const std::optional<double>& value) { return value ? number_of(*value) : Json(); }

bool computes(const TensorInfo& tensor) {
  const std::optional<DType> dtype = dtype_from_plan(tensor.dtype);
  return tensor.readable && dtype && info(*dtype).computes;
}

Json tensor(Workbench& bench, const Json& arguments) {
  const ProfileQuery query{text_argument(arguments, "alias"), text_argument(arguments, "name"),
                           text_argument(arguments, "slice"), integer_argument(arguments, "bins", 0)};
  return bench.look([&](Run& run) {
    const TensorProfile profile = taken(run.profile(query));
    const TensorOrigin origin = taken(run.origin(query.alias, query.name));
    Json json{{"tensor", web::json_of(profile.part)}, {"elements", summary_json(profile.part, profile.elements)}};
    if (!origin.file.empty()) {
      json["file"] = origin.file;
      json["offset"] = origin.offset;
    } else if (!origin.maker.empty()) {
      json["made_by"] = origin.maker;
    }
    if (profile.histogram) json["histogram"] = histogram_json(*profile.histogram);
    return json;
  });
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number_of(value));
  return list;
}

Json picture(Workbench& bench, const Json& arguments) {
  const PictureQuery query{text_argument(arguments, "alias"), text_argument(arguments, "name"),
                           integer_argument(arguments, "rows", 128), integer_argument(arguments, "columns", 128)};
  const TensorPicture found = bench.look([&](Run& run) { return taken(run.picture(query)); });
  return {{"matrix", {found.matrix_rows, found.matrix_columns}},
          {"rows", found.rows},
          {"columns", found.columns},
          {"row_step", found.row_step},
          {"column_step", found.column_step},
          {"largest", numbers(found.largest)},
          {"mean", numbers(found.mean)}};
}

Json values(Workbench& bench, const Json& arguments) {
  BlockQuery query{text_argument(arguments, "alias"), text_argument(arguments, "name"),
                   integer_argument(arguments, "row", 0), integer_argument(arguments, "column", 0)};
  query.rows = integer_argument(arguments, "rows", query.rows);
  query.columns = integer_argument(arguments, "columns", query.columns);
  const TensorBlock block = bench.look([&](Run& run) { return taken(run.block(query)); });
  Json rows = Json::array();
  for (std::size_t i = 0; i < block.values.size(); ++i) {
    if (i % static_cast<std::size_t>(block.columns) == 0) rows.push_back(Json::array());
    rows.back().push_back(std::visit(
        [](const auto value) -> Json {
          if constexpr (std::is_floating_point_v<decltype(value)>) return number_of(value);
          return value;
        },
        block.values[i]));
  }
  return {{"row", query.row}, {"column", query.column}, {"values", std::move(rows)}};
}

// Few points for many rows: of each stretch of them the largest norm and the mean.
Json rows(Workbench& bench, const Json& arguments) {
  constexpr std::size_t kPoints = 512;
  const std::vector<double> norms = bench.look([&](Run& run) {
    return taken(run.row_norms(text_argument(arguments, "alias"), text_argument(arguments, "name")));
  });
  const std::size_t step = std::max<std::size_t>(1, (norms.size() + kPoints - 1) / kPoints);
  Json largest = Json::array(), mean = Json::array();
  for (std::size_t first = 0; first < norms.size(); first += step) {
    const std::size_t end = std::min(first + step, norms.size());
    double most = 0, sum = 0;
    for (std::size_t i = first; i < end; ++i) {
      most = std::isnan(norms[i]) ? norms[i] : std::max(most, norms[i]);
      sum += norms[i];
    }
    largest.push_back({{"x", first}, {"y", number_of(most)}});
    mean.push_back({{"x", first}, {"y", number_of(sum / static_cast<double>(end - first))}});
  }
  return {{"rows", norms.size()}, {"step", step}, {"largest", std::move(largest)}, {"mean", std::move(mean)}};
}

// What curves over depth are made of; `other`: and the distance to the tensor of that name there.
Json summary(Run& run, const std::string& alias, const std::string& other, const TensorInfo& tensor) {
  Json json{{"name", tensor.name}};
  if (!computes(tensor)) return json;
  if (!other.empty()) {
    const Outcome<std::optional<TensorDistance>> found = run.distance({alias, tensor.name}, {other, tensor.name});
    if (!found.ok() && found.error().code() == ErrorCode::run) throw found.error();
    if (found.ok() && found.value() && found.value()->norm > 0)
      json["change"] = number_of(found.value()->distance / found.value()->norm);
    return json;
  }
  const ElementSummary elements = taken(run.profile({alias, tensor.name})).elements;
  json["average"] = optional_number(elements.mean);
  json["std"] = optional_number(elements.std);
  json["l2"] = optional_number(elements.l2);
  if (elements.count == 0) return json;
  const auto count = static_cast<double>(elements.count);
  json["zeros"] = static_cast<double>(elements.zeros) / count;
  if (elements.l2) json["rms"] = *elements.l2 / std::sqrt(count);
  if (elements.min) json["largest"] = std::max(std::abs(*elements.min), std::abs(*elements.max));
  return json;
}

bool is_below(const std::string& name, const std::string& prefix) {
  return prefix.empty() || name == prefix || (name.starts_with(prefix) && name[prefix.size()] == '.');
}

// As many tensors as fit into a moment, so that a page can draw what is there and others get their turn.
Json summaries(Workbench& bench, const Json& arguments) {
  constexpr std::chrono::milliseconds kMoment(300);
  const auto end = std::chrono::steady_clock::now() + kMoment;
  const std::string alias = text_argument(arguments, "alias"), prefix = text_argument(arguments, "prefix");
  const std::string other = text_argument(arguments, "other");
  const auto offset = static_cast<std::size_t>(std::max<std::int64_t>(0, integer_argument(arguments, "offset", 0)));
  return bench.look([&](Run& run) {
    const std::vector<TensorInfo>& all = bench.tensors(run, alias);
    Json listed = Json::array();
    std::size_t at = offset;
    for (; at < all.size() && (listed.empty() || std::chrono::steady_clock::now() < end); ++at) {
      if (is_below(all[at].name, prefix)) listed.push_back(summary(run, alias, other, all[at]));
    }
    return Json{{"summaries", std::move(listed)}, {"next", at < all.size() ? Json(at) : Json()}};
  });
}

}  // namespace

Json json_of(const TensorInfo& tensor) {
  Json json{{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"computes", computes(tensor)}};
  if (tensor.bytes) json["bytes"] = *tensor.bytes;
  return json;
}

Json summary_json(const TensorInfo& tensor, const ElementSummary& elements) {
  if (!computes(tensor)) return {{"count", elements.count}};
  return {{"count", elements.count},
          {"nan", elements.nan},
          {"infinite", elements.infinite},
          {"zeros", elements.zeros},
          {"min", optional_number(elements.min)},
          {"max", optional_number(elements.max)},
          {"mean", optional_number(elements.mean)},
          {"std", optional_number(elements.std)},
          {"l2", optional_number(elements.l2)}};
}

Json histogram_json(const Histogram& histogram) {
  return {{"low", number_of(histogram.low)}, {"high", number_of(histogram.high)}, {"counts", histogram.counts}};
}

std::vector<Endpoint> tensor_endpoints(Workbench& bench) {
  const auto with = [&bench](Json (*call)(Workbench&, const Json&)) {
    return [&bench, call](const Json& arguments) { return call(bench, arguments); };
  };
  return {
      {Method::get, "/api/tensors", "The tensors of a model, headers only",
       {kAlias,
        {"match", Type::text, false, "A pattern as references have it, or a part of the name"},
        {"dtype", Type::text, false, "Only those of this dtype"},
        {"shape", Type::text, false, "Only those of this shape; * is any size"},
        {"offset", Type::integer, false, "How many to leave out at the beginning"},
        {"limit", Type::integer, false, "How many to list at most"}},
       false, with(tensors)},
      {Method::get, "/api/tensor", "Statistics, histogram and origin of a tensor",
       {kAlias, kName,
        {"slice", Type::text, false, "A part of it, [0:2, 3]"},
        {"bins", Type::integer, false, "Of the histogram; none without"}},
       false, with(tensor)},
      {Method::get, "/api/picture", "A heat map: the largest magnitude and the mean of each cell of a grid",
       {kAlias, kName,
        {"rows", Type::integer, false, "Of the grid, at most"},
        {"columns", Type::integer, false, "Of the grid, at most"}},
       false, with(picture)},
      {Method::get, "/api/values", "A block of elements, of the tensor as a matrix",
       {kAlias, kName,
        {"row", Type::integer, false, "The first row"},
        {"column", Type::integer, false, "The first column"},
        {"rows", Type::integer, false, "How many"},
        {"columns", Type::integer, false, "How many"}},
       false, with(values)},
      {Method::get, "/api/rows", "The norms of the rows", {kAlias, kName}, false, with(rows)},
      {Method::get, "/api/summaries", "Numbers of many tensors, as many as fit into a moment",
       {kAlias,
        {"prefix", Type::text, false, "Only names below this one"},
        {"other", Type::text, false, "Another model: the relative change to it"},
        {"offset", Type::integer, false, "The tensor to go on with: `next` of the answer before"}},
       false, with(summaries)},
  };
}

}  // namespace brainsurgery::web
