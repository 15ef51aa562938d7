#include "web/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/interrupt.h"
#include "publish/staged_file.h"
#include "web/anomalies.h"
#include "web/endpoints.h"
#include "web/page.h"

namespace brainsurgery::web {
namespace {

constexpr const char *kFirst = "a", *kSecond = "b";  // aliases

std::int64_t outliers(Run& run, const TensorRecord& record) {
  const ElementSummary& elements = record.elements;
  if (!elements.std || *elements.std == 0) return 0;
  const double low = *elements.mean - kSigmas * *elements.std, high = *elements.mean + kSigmas * *elements.std;
  if (*elements.min >= low && *elements.max <= high) return 0;
  const TensorProfile within = taken(run.profile({kFirst, record.tensor.name, "", 1, std::pair(low, high)}));
  const std::int64_t finite = elements.count - elements.nan - elements.infinite;
  return within.histogram ? finite - within.histogram->counts.front() : 0;
}

TensorRecord record_of(Run& run, const TensorInfo& tensor, bool compared) {
  constexpr std::int64_t kBins = 60;
  TensorProfile profile = taken(run.profile({kFirst, tensor.name, "", kBins}));
  TensorRecord record{tensor, taken(run.origin(kFirst, tensor.name)), profile.elements, std::move(profile.histogram), 0, 0, {}};
  record.outliers = outliers(run, record);
  if (tensor.shape.size() > 1) {
    const std::vector<double> norms = taken(run.row_norms(kFirst, tensor.name));
    record.dead_rows = norms.size() > 1 ? std::ranges::count(norms, 0.0) : 0;
  }
  if (!compared) return record;
  const std::optional<TensorDistance> distance = taken(run.distance({kFirst, tensor.name}, {kSecond, tensor.name}));
  if (distance && distance->norm > 0) record.change = distance->distance / distance->norm;
  return record;
}

void tell(EventSink& events, std::int64_t done, std::int64_t total) { events.on(events::Progress{done, total}); }

std::vector<TensorRecord> records_of(Run& run, const std::map<std::string, TensorInfo>& other, EventSink& events) {
  const std::vector<TensorInfo> tensors = taken(run.tensors(kFirst));
  std::int64_t total = 0, done = 0;
  for (const TensorInfo& tensor : tensors) total += tensor.bytes.value_or(0);
  std::vector<TensorRecord> records;
  for (const TensorInfo& tensor : tensors) {
    throw_if_interrupted();
    records.push_back(record_of(run, tensor, other.contains(tensor.name)));
    tell(events, done += tensor.bytes.value_or(0), total);
  }
  return records;
}

Json json_of(const TensorRecord& record) {
  Json json = web::json_of(record.tensor);
  json["elements"] = summary_json(record.tensor, record.elements);
  json["outliers"] = record.outliers;
  json["dead_rows"] = record.dead_rows;
  if (record.change) json["change"] = number_of(*record.change);
  if (record.histogram) json["histogram"] = histogram_json(*record.histogram);
  return json;
}

Json json_of(const Anomaly& anomaly) {
  return {{"kind", anomaly.kind}, {"what", anomaly.what}, {"names", anomaly.names}};
}

// The two of a pair hold the same elements.
std::vector<Anomaly> duplicates(Run& run, const std::vector<TensorRecord>& records) {
  std::vector<Anomaly> found;
  for (const auto& [first, second] : likely_duplicates(records)) {
    const std::optional<TensorDistance> distance = taken(run.distance({kFirst, first}, {kFirst, second}));
    if (distance && distance->distance == 0) found.push_back({"duplicate", "the same elements twice", {first, second}});
  }
  return found;
}

// Names that only one of the two has, and tensors that differ in more than values.
Json differences(const std::vector<TensorRecord>& records, const std::map<std::string, TensorInfo>& other) {
  Json missing = Json::array(), added = Json::array(), unlike = Json::array();
  std::map<std::string, const TensorInfo*> known;
  for (const TensorRecord& record : records) {
    known.emplace(record.tensor.name, &record.tensor);
    const auto found = other.find(record.tensor.name);
    if (found == other.end()) {
      missing.push_back(record.tensor.name);
    } else if (found->second.dtype != record.tensor.dtype || found->second.shape != record.tensor.shape) {
      unlike.push_back({{"name", record.tensor.name}, {"a", web::json_of(record.tensor)}, {"b", web::json_of(found->second)}});
    }
  }
  for (const auto& [name, tensor] : other) {
    if (!known.contains(name)) added.push_back(name);
  }
  return {{"only_a", std::move(missing)}, {"only_b", std::move(added)}, {"unlike", std::move(unlike)}};
}

std::string_view file_of(std::string_view name) {
  for (const PageFile& file : page_files()) {
    if (file.name == name) return file.content;
  }
  throw Error(ErrorCode::internal, fmt::format("the page has no file '{}'", name));
}

// Modules as one script: without their imports and exports, which name each other.
std::string script_of(std::initializer_list<std::string_view> names) {
  constexpr std::string_view kExport = "export ";
  std::string script = "\"use strict\";\n";
  for (const std::string_view name : names) {
    std::string_view text = file_of(name);
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end);
      if (line.starts_with("import ")) continue;
      if (line.starts_with(kExport)) line.remove_prefix(kExport.size());
      script += line;
    }
  }
  return script;
}

// No end of an element is in it.
std::string data_of(const Json& json) {
  std::string text = text_of(json), safe;
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string html_of(const Json& data) {
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; style-src "
      "'unsafe-inline'; img-src data:\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>brainsurgery report</title>\n<style>\n";
  html += file_of("style.css");
  html += "</style>\n</head>\n<body class=\"report\">\n<main id=\"report\"></main>\n<script type=\"application/json\" id=\"data\">";
  html += data_of(data);
  html += "</script>\n<script>\n";
  html += file_of("chart.js");
  html += "\n</script>\n<script>\n";
  html += script_of({"dom.js", "plots.js", "depth.js", "report.js"});
  html += "</script>\n</body>\n</html>\n";
  return html;
}

void write(Env& env, const std::string& path, const std::string& text, bool sync) {
  StagedFile staged(env, path, {.overwrite = true, .sync = sync});
  staged.file().write(0, std::as_bytes(std::span(text)));
  staged.commit();
}

}  // namespace

void write_report(const ReportRequest& request, Env& env, EventSink& events, const SessionOptions& options,
                  const Registries& registries) {
  Session session(env, events, options, registries);
  const auto empty = std::make_shared<const SourceText>(SourceText{"report", "transforms: []\n"});
  const std::unique_ptr<Run> run = taken(session.start(PlanSource(empty), [](const std::string&) { return true; }));
  static_cast<void>(taken(run->open(kFirst, request.path)));
  std::map<std::string, TensorInfo> other;
  if (request.other) {
    static_cast<void>(taken(run->open(kSecond, *request.other)));
    for (TensorInfo& tensor : taken(run->tensors(kSecond))) other.emplace(tensor.name, tensor);
  }
  const std::vector<TensorRecord> records = records_of(*run, other, events);
  Json data{{"path", request.path}, {"tensors", Json::array()}, {"anomalies", Json::array()}};
  for (const TensorRecord& record : records) data["tensors"].push_back(json_of(record));
  for (const Anomaly& anomaly : anomalies_of(records)) data["anomalies"].push_back(json_of(anomaly));
  for (const Anomaly& anomaly : duplicates(*run, records)) data["anomalies"].push_back(json_of(anomaly));
  if (request.other) {
    data["other"] = *request.other;
    data["differences"] = differences(records, other);
  }
  write(env, request.output, html_of(data), options.sync);
}

}  // namespace brainsurgery::web
