#include "merging/mergekit/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "base/spelling.h"
#include "merging/merge_method.h"

namespace brainsurgery::merging {
namespace {

// What mergekit calls otherwise.
struct Renamed {
  std::string_view there, here;
};
constexpr std::array kRenamed{Renamed{"nuslerp_flatten", "flatten"}, Renamed{"nuslerp_row_wise", "row_wise"},
                              Renamed{"normalize_weights", "normalize"}};
constexpr std::string_view kWithoutEffect = "int8_mask";  // how signs are held in memory

std::string_view name_here(std::string_view there) {
  const auto found = std::ranges::find(kRenamed, there, &Renamed::there);
  return found == kRenamed.end() ? there : found->here;
}

std::vector<std::string_view> known_parameters() {
  std::vector<std::string_view> names{kWithoutEffect};
  for (const MergeParameter& parameter : merge_parameters()) names.push_back(parameter.name);
  for (const Renamed& renamed : kRenamed) names.push_back(renamed.there);
  return names;
}

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  [[nodiscard]] MergekitConfig config(const YamlNode& root) {
    MergekitConfig config;
    if (!expect(root, root.is_mapping(), "a mapping")) return config;
    require_known(root, {"merge_method", "base_model", "models", "slices", "modules", "parameters", "dtype", "out_dtype",
                         "tokenizer_source", "tokenizer", "chat_template", "name"});
    refuse(root, "tokenizer_source", "vocabularies are not aligned; merge models of one tokenizer without this key");
    refuse(root, "tokenizer", "vocabularies are not aligned; merge models of one tokenizer without this key");
    refuse(root, "chat_template", "templates are edited with the step 'config'");
    if (const YamlNode* method = root.find("merge_method")) {
      config.method = text(*method, "the name of a method");
      config.method_span = method->span();
    } else {
      diagnostics_.error(root.span(), "merge_method is missing");
    }
    if (const YamlNode* name = root.find("name")) config.name = text(*name, "a name");
    if (const YamlNode* base = root.find("base_model")) config.base_model = model(*base);
    read_dtypes(root, config);
    read_slices(module_of(root, config), config);
    read_parameters(root, config.parameters);
    return config;
  }

 private:
  bool expect(const YamlNode& node, bool holds, std::string_view what) {
    if (!holds) diagnostics_.error(node.span(), fmt::format("expected {}, found {}", what, node.describe()));
    return holds;
  }
  void require_known(const YamlNode& mapping, const std::vector<std::string_view>& known) {
    for (const auto& [key, value] : mapping.entries()) {
      if (std::ranges::find(known, key->text()) != known.end()) continue;
      std::vector<std::string> notes;
      if (const auto near = nearest(key->text(), known)) notes.push_back(fmt::format("did you mean '{}'?", *near));
      notes.push_back(fmt::format("known keys: {}", fmt::join(known, ", ")));
      diagnostics_.error(key->span(), fmt::format("unknown key '{}'", key->text()), std::move(notes));
    }
  }
  void refuse(const YamlNode& mapping, std::string_view key, std::string_view why) {
    const YamlNode* value = mapping.find(key);
    if (value != nullptr && !value->is_null()) diagnostics_.error(value->span(), fmt::format("'{}' is not supported: {}", key, why));
  }
  std::string text(const YamlNode& node, std::string_view what) {
    return expect(node, node.is_string() && !node.text().empty(), what) ? node.text() : std::string();
  }

  // A path, or {model: {path: ...}}.
  std::string model(const YamlNode& node) {
    if (node.is_mapping()) {
      require_known(node, {"model", "lora", "override_architecture", "path", "revision"});
      refuse(node, "lora", "merge the adapter into the model first");
      refuse(node, "revision", "models are folders or files");
      const YamlNode* path = node.find("path") != nullptr ? node.find("path") : node.find("model");
      if (expect(node, path != nullptr, "a model with a path")) return model(*path);
      return "";
    }
    std::string path = text(node, "the path of a model");
    if (path.find('+') != std::string::npos) {
      diagnostics_.error(node.span(), fmt::format("'{}' names an adapter, which is not supported: merge it into the model first", path));
    }
    return path;
  }

  void read_dtypes(const YamlNode& root, MergekitConfig& config) {
    for (auto [key, member] : {std::pair("dtype", &config.dtype), std::pair("out_dtype", &config.out_dtype)}) {
      const YamlNode* value = root.find(key);
      if (value == nullptr || value->is_null()) continue;
      constexpr std::array<std::string_view, 4> kKnown{"float16", "bfloat16", "float32", "float64"};
      std::string name = text(*value, "a dtype");
      if (!name.empty() && std::ranges::find(kKnown, name) == kKnown.end())
        diagnostics_.error(value->span(), fmt::format("{}: unknown dtype '{}'; one of {}", key, name, fmt::join(kKnown, ", ")));
      *member = std::move(name);
    }
  }

  // The mapping that has models or slices: the root, or its only module, whose parameters count before the root's.
  const YamlNode& module_of(const YamlNode& root, MergekitConfig& config) {
    const YamlNode* modules = root.find("modules");
    if (modules == nullptr || modules->is_null()) return root;
    if (!expect(*modules, modules->is_mapping() && modules->entries().size() == 1, "a mapping with one module")) return root;
    const YamlNode& module = *modules->entries().front().second;
    if (!expect(module, module.is_mapping(), "a mapping")) return root;
    require_known(module, {"models", "slices", "parameters"});
    read_parameters(module, config.parameters);
    return module;
  }

  void read_slices(const YamlNode& module, MergekitConfig& config) {
    const YamlNode* models = module.find("models");
    const YamlNode* slices = module.find("slices");
    if ((models == nullptr) == (slices == nullptr)) {
      diagnostics_.error(module.span(), "exactly one of models and slices is needed");
      return;
    }
    config.by_layers = slices != nullptr;
    if (models != nullptr) {
      config.slices.emplace_back();
      read_sources(*models, false, config.slices.back().sources);
      return;
    }
    if (!expect(*slices, slices->is_sequence() && !slices->items().empty(), "a list of slices")) return;
    for (const YamlPtr& item : slices->items()) config.slices.push_back(slice(*item));
  }

  MergekitSlice slice(const YamlNode& node) {
    MergekitSlice slice;
    if (!expect(node, node.is_mapping(), "a mapping with sources")) return slice;
    require_known(node, {"sources", "base_model", "residual_weight", "parameters"});
    read_parameters(node, slice.parameters);
    const YamlNode* sources = node.find("sources");
    if (!expect(node, sources != nullptr, "a mapping with sources")) return slice;
    read_sources(*sources, true, slice.sources);
    for (const MergekitSource& source : slice.sources) {
      const auto& first = slice.sources.front().layers;
      if (source.layers && first && source.layers->count() != first->count()) {
        diagnostics_.error(source.span, fmt::format("{} has {} layers in this slice, {} has {}", source.model,
                                                    source.layers->count(), slice.sources.front().model, first->count()));
      }
    }
    return slice;
  }

  void read_sources(const YamlNode& list, bool by_layers, std::vector<MergekitSource>& sources) {
    if (!expect(list, list.is_sequence() && !list.items().empty(), "a list of models")) return;
    for (const YamlPtr& item : list.items()) {
      if (!expect(*item, item->is_mapping(), "a mapping with model")) continue;
      require_known(*item, by_layers ? std::vector<std::string_view>{"model", "layer_range", "parameters"}
                                     : std::vector<std::string_view>{"model", "parameters"});
      MergekitSource source;
      source.span = item->span();
      const YamlNode* path = item->find("model");
      if (expect(*item, path != nullptr, "a mapping with model")) source.model = model(*path);
      read_parameters(*item, source.parameters);
      if (by_layers) source.layers = layer_range(*item);
      const auto is_same = [&](const MergekitSource& other) { return other.model == source.model && !source.model.empty(); };
      if (std::ranges::any_of(sources, is_same))
        diagnostics_.error(item->span(), fmt::format("{} stands twice in one slice", source.model));
      sources.push_back(std::move(source));
    }
  }

  std::optional<LayerRange> layer_range(const YamlNode& source) {
    const YamlNode* value = source.find("layer_range");
    if (!expect(source, value != nullptr, "a mapping with layer_range")) return std::nullopt;
    const YamlItems& items = value->items();
    const bool is_pair = items.size() == 2 && items[0]->integer() && items[1]->integer();
    if (!expect(*value, is_pair, "a list [first, end] of two integers")) return std::nullopt;
    const LayerRange range{*items[0]->integer(), *items[1]->integer()};
    if (!expect(*value, range.begin >= 0 && range.begin <= range.end, "0 <= first <= end")) return std::nullopt;
    return range;
  }

  void read_parameters(const YamlNode& of, MergekitParameters& into) {
    const YamlPtr parameters = of.find_ptr("parameters");
    if (parameters == nullptr || parameters->is_null()) return;
    if (!expect(*parameters, parameters->is_mapping(), "a mapping")) return;
    require_known(*parameters, known_parameters());
    for (const auto& [key, value] : parameters->entries()) {
      if (key->text() == kWithoutEffect) continue;
      if (is_value(*value)) into.push_back({std::string(name_here(key->text())), value});
    }
  }

  bool is_value(const YamlNode& value) {
    if (!value.is_sequence()) return expect(value, is_scalar(value), "a number, a list of numbers, or a list of filters");
    for (const YamlPtr& item : value.items()) {
      if (!item->is_mapping()) {
        if (!expect(*item, is_scalar(*item), "a number, or a mapping with filter and value")) return false;
        continue;
      }
      require_known(*item, {"filter", "value"});
      const YamlNode* own = item->find("value");
      if (!expect(*item, own != nullptr, "a mapping with filter and value") || !is_value(*own)) return false;
    }
    return expect(value, !value.items().empty(), "at least one value");
  }
  static bool is_scalar(const YamlNode& value) {
    return value.is_number() || value.is(YamlKind::boolean) || value.is_string();
  }

  Diagnostics& diagnostics_;
};

void require_method(const MergekitConfig& config, Diagnostics& diagnostics) {
  std::vector<std::string_view> names;
  for (const MergeMethod& method : merge_methods()) names.push_back(method.name);
  if (config.method.empty() || std::ranges::find(names, config.method) != names.end()) return;
  std::vector<std::string> notes;
  if (const auto near = nearest(config.method, names)) notes.push_back(fmt::format("did you mean '{}'?", *near));
  notes.push_back(fmt::format("methods: {}", fmt::join(names, ", ")));
  diagnostics.error(config.method_span, fmt::format("unknown merge_method '{}'", config.method), std::move(notes));
}

// The texts between lines of three dashes, each behind as many empty lines as stand before it, so that places are right.
std::vector<std::shared_ptr<const SourceText>> documents_of(const SourceText& text) {
  std::vector<std::shared_ptr<const SourceText>> documents;
  std::string current, before;
  bool has_content = false;
  const auto finish = [&] {
    if (has_content) documents.push_back(std::make_shared<SourceText>(SourceText{text.name, current}));
    current = before;
    has_content = false;
  };
  for (std::size_t at = 0; at < text.text.size();) {
    const std::size_t end = std::min(text.text.find('\n', at), text.text.size());
    const std::string line = text.text.substr(at, end - at);
    at = end + 1;
    before += '\n';
    if (line == "---") {
      finish();
      continue;
    }
    has_content = has_content || (line.find_first_not_of(" \t\r") != std::string::npos && !line.starts_with('#'));
    current += line + '\n';
  }
  finish();
  return documents;
}

}  // namespace

std::vector<MergekitConfig> read_mergekit_configs(const std::shared_ptr<const SourceText>& text) {
  Diagnostics diagnostics;
  std::vector<MergekitConfig> configs;
  const std::vector<std::shared_ptr<const SourceText>> documents = documents_of(*text);
  for (const std::shared_ptr<const SourceText>& document : documents) {
    const YamlPtr root = parse_yaml(document, diagnostics);
    if (root == nullptr) continue;
    MergekitConfig config = Reader(diagnostics).config(*root);
    require_method(config, diagnostics);
    if (config.name.empty() && document != documents.back())
      diagnostics.error(root->span(), "a document before the last one needs a 'name', by which later ones merge its result");
    configs.push_back(std::move(config));
  }
  if (documents.empty()) diagnostics.error({text, 1, 1, 1}, "there is no configuration");
  diagnostics.throw_if_errors();
  return configs;
}

}  // namespace brainsurgery::merging
