#include "describe/step_completion.h"

#include <algorithm>
#include <iterator>

#include "describe/completion.h"
#include "describe/open_text.h"
#include "plan/modifiers.h"

namespace brainsurgery {
namespace {

using Words = std::vector<std::string>;
using Level = OpenText::Level;
using Place = OpenText::Place;

// What is expected at a place: a value of some type, or the payload of a step or an operator.
struct Expected {
  const FieldType* type = nullptr;
  const Schema* payload = nullptr;
  bool of_step = false;  // which may have modifiers

  [[nodiscard]] bool known() const { return type != nullptr || payload != nullptr; }
};

const FieldType* modifier_type(const Schema& step, std::string_view name) {
  const Field* field = step.find(name) == nullptr && takes_modifier(step, name) ? modifiers_schema().find(name) : nullptr;
  return field != nullptr ? field->type.get() : nullptr;
}

// The way into what is expected, along the keys of the text.
class Guide {
 public:
  explicit Guide(const Catalog& catalog) : catalog_(catalog) {}

  [[nodiscard]] Expected inside(const Expected& outer, const Level& level) const {
    if (outer.payload != nullptr) return inside_payload(outer, level);
    if (outer.type == nullptr) return {};
    return std::visit([&](const auto& shape) { return inside_shape(shape, level); }, outer.type->shape);
  }

  // Keys that a mapping in this place may have.
  [[nodiscard]] Words keys_of(const Expected& expected) const {
    if (expected.payload != nullptr) return keys_of_payload(*expected.payload, expected.of_step);
    if (expected.type == nullptr) return {};
    if (const auto* named = std::get_if<NamedType>(&expected.type->shape))
      return names_of(named->of == NamedType::Of::steps ? catalog_.steps : catalog_.operators);
    if (const auto* record = std::get_if<RecordType>(&expected.type->shape))
      return keys_of_payload(*record->schema, false);
    Words keys;
    if (const auto* either = std::get_if<OneOfType>(&expected.type->shape)) {
      for (const FieldTypePtr& each : either->alternatives) std::ranges::move(keys_of({each.get()}), std::back_inserter(keys));
    }
    return keys;
  }

  // Those of them without which it is a mistake, in the order of the schema.
  [[nodiscard]] static Words required_keys_of(const Expected& expected) {
    const Schema* schema = expected.payload;
    if (schema == nullptr || schema->shorthand_only) return {};
    Words keys;
    for (const auto& field : schema->fields) {
      if (field->required) keys.push_back(field->name);
    }
    return keys;
  }

  // The type of a value that is no mapping.
  [[nodiscard]] static const FieldType* scalar_type(const Expected& expected) {
    if (expected.payload == nullptr) return expected.type;
    return expected.payload->shorthand != nullptr ? expected.payload->shorthand->type.get() : nullptr;
  }

  // A step that can be written as its bare name.
  [[nodiscard]] bool needs_no_payload(const std::string& key) const {
    const Schema* step = catalog_.step(key);
    return step != nullptr && step->fields.empty() && step->shorthand == nullptr;
  }

 private:
  [[nodiscard]] Words keys_of_payload(const Schema& schema, bool of_step) const {
    if (schema.shorthand_only) return keys_of({schema.shorthand->type.get()});
    Words keys;
    for (const auto& field : schema.fields) keys.push_back(field->name);
    if (!of_step) return keys;
    for (const auto& field : modifiers_schema().fields) {
      if (modifier_type(schema, field->name) != nullptr) keys.push_back(field->name);
    }
    return keys;
  }

  [[nodiscard]] Expected inside_payload(const Expected& outer, const Level& level) const {
    const Schema& schema = *outer.payload;
    const bool by_shorthand = schema.shorthand != nullptr && (schema.shorthand_only || level.is_list);
    if (by_shorthand) return inside({schema.shorthand->type.get()}, level);
    if (const Field* field = schema.find(level.key)) return {field->type.get()};
    return {outer.of_step ? modifier_type(schema, level.key) : nullptr};
  }

  [[nodiscard]] Expected inside_shape(const ScalarType&, const Level&) const { return {}; }
  [[nodiscard]] Expected inside_shape(const ListType& type, const Level& level) const {
    return level.is_list ? Expected{type.each.get()} : Expected{};
  }
  [[nodiscard]] Expected inside_shape(const RecordType& type, const Level& level) const {
    const Field* field = level.is_list ? nullptr : type.schema->find(level.key);
    return {field != nullptr ? field->type.get() : nullptr};
  }
  [[nodiscard]] Expected inside_shape(const MappingType& type, const Level& level) const {
    return level.is_list ? Expected{} : Expected{type.each.get()};
  }
  [[nodiscard]] Expected inside_shape(const OneOfType& type, const Level& level) const {
    for (const FieldTypePtr& each : type.alternatives) {
      if (const Expected found = inside({each.get()}, level); found.known()) return found;
    }
    return {};
  }
  [[nodiscard]] Expected inside_shape(const NamedType& type, const Level& level) const {
    if (level.is_list) return {};
    const bool step = type.of == NamedType::Of::steps;
    return {nullptr, step ? catalog_.step(level.key) : catalog_.operator_named(level.key), step};
  }

  const Catalog& catalog_;
};

class Completer {
 public:
  Completer(const Catalog& catalog, const NameSources& sources, OpenText open)
      : catalog_(catalog), sources_(sources), guide_(catalog), open_(std::move(open)) {
    Expected expected{root_.get()};
    for (const Level& level : open_.levels) {
      outer_ = expected;
      expected = guide_.inside(expected, level);
    }
    expected_ = expected;
  }

  [[nodiscard]] Words words() const {
    switch (open_.place) {
      case Place::key:
        return keys(open_.levels.empty() ? expected_ : outer_, "");
      case Place::after:
        return after();
      case Place::value:
        return values();
      case Place::node:
        break;
    }
    return joined(keys(expected_, ""), scalars());
  }

  [[nodiscard]] std::string hint() const {
    const Words fitting = words();
    if (!open_.word.empty() && fitting.size() == 1 && fitting.front().starts_with(open_.word))
      return fitting.front().substr(open_.word.size());
    if (!open_.word.empty()) return "";
    if (open_.place == Place::key || open_.place == Place::after) return missing_keys(outer_, used_keys());
    if (!expected_.known()) return "";
    if (open_.place == Place::value && expected_.payload != nullptr && !expected_.payload->shorthand_only)
      return missing_keys(expected_, {});
    const FieldType* type = Guide::scalar_type(expected_);
    return open_.levels.empty() || type == nullptr ? "" : "(" + noun(*type) + ")";
  }

 private:
  static Words joined(Words a, Words b) {
    std::ranges::move(b, std::back_inserter(a));
    return a;
  }

  [[nodiscard]] Words used_keys() const { return open_.levels.empty() ? Words() : open_.levels.back().keys; }

  // Keys of a mapping with what follows them; those that it has are left out.
  [[nodiscard]] Words keys(const Expected& expected, const std::string& before) const {
    const bool of_steps = expected.type != nullptr;
    const Words used = open_.place == Place::key || open_.place == Place::after ? used_keys() : Words();
    Words result;
    for (const std::string& key : guide_.keys_of(expected)) {
      if (!key.starts_with(open_.word) || std::ranges::find(used, key) != used.end()) continue;
      const bool bare = of_steps && guide_.needs_no_payload(key);
      result.push_back(before + key + (bare ? "" : ": "));
    }
    return result;
  }

  [[nodiscard]] Words scalars() const {
    const FieldType* type = Guide::scalar_type(expected_);
    if (type == nullptr) return {};
    return complete_names(words_for(*type, catalog_, sources_, open_.word), open_.word);
  }

  // Behind a key: a value of its own, or the keys of a mapping. A word that is complete leads to the next key.
  [[nodiscard]] Words values() const {
    const std::string blank = open_.needs_blank ? " " : "";
    Words found;
    for (const std::string& word : scalars()) found.push_back(blank + word);
    if (found == Words{open_.word} && is_inline() && open_.quote == 0) return next_keys(open_.word);
    if (open_.quote != 0) return found;
    if (open_.takes_oly) return joined(keys(expected_, blank), std::move(found));
    if (open_.word.empty()) return joined(keys(expected_, blank + "{"), std::move(found));
    return found;
  }

  [[nodiscard]] bool is_inline() const { return !open_.levels.empty() && open_.levels.back().is_inline; }

  [[nodiscard]] Words after() const { return is_inline() ? next_keys("") : Words(); }

  [[nodiscard]] Words next_keys(const std::string& word) const {
    const Level& level = open_.levels.back();
    Words result;
    if (!level.is_list) {
      for (const std::string& key : guide_.keys_of(outer_)) {
        if (std::ranges::find(level.keys, key) == level.keys.end()) result.push_back(word + ", " + key + ": ");
      }
    }
    if (level.in_brackets) result.push_back(word + (level.is_list ? "]" : "}"));
    return result;
  }

  [[nodiscard]] std::string missing_keys(const Expected& expected, const Words& used) const {
    std::string text;
    for (const std::string& key : Guide::required_keys_of(expected)) {
      if (std::ranges::find(used, key) != used.end()) continue;
      text += (text.empty() ? "" : ", ") + key + ": ...";
    }
    return open_.place == Place::after && !text.empty() ? ", " + text : text;
  }

  const Catalog& catalog_;
  const NameSources& sources_;
  const FieldTypePtr root_ = steps_type();
  Guide guide_;
  OpenText open_;
  Expected outer_, expected_;
};

}  // namespace

Completion complete_steps(const Catalog& catalog, const NameSources& sources, std::string_view text) {
  OpenText open = scan_open_text(text);
  Completion completion{open.begin, Completer(catalog, sources, std::move(open)).words()};
  std::ranges::sort(completion.words);
  completion.words.erase(std::unique(completion.words.begin(), completion.words.end()), completion.words.end());
  return completion;
}

std::string hint_for_steps(const Catalog& catalog, std::string_view text) {
  const NameSources none;
  return Completer(catalog, none, scan_open_text(text)).hint();
}

}  // namespace brainsurgery
