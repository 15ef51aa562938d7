// How a command describes itself: its fields, what they mean, and what they do to tensors. Parsing, checking, help and
// documentation are made from this; nothing else knows a command's keys.
//
//   struct ScaleSpec { TensorRef from, to; double by = 1; };
//   SchemaBuilder<ScaleSpec> scale("scale", {"Multiplies by a number.", ...});
//   scale.reference(&ScaleSpec::from, "from", roles::source());
//   scale.reference(&ScaleSpec::to, "to", roles::created());
//   scale.field(&ScaleSpec::by, "by").require().doc("Factor; any number.");
//
// A Schema is immutable once built and may be used from several threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/field_type.h"
#include "brainsurgery/tensor_ref.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

class YamlNode;     // a value of a plan with its place
class NamePattern;  // a regular expression or list that selects names
struct Formula;     // what `as` of the step compute is
struct Binding;

// Numbers as written in a plan: a scalar or nested lists of one shape.
struct NumberArray {
  Shape shape;
  std::vector<double> values;                         // row-major
  std::vector<std::optional<std::int64_t>> integers;  // the exact value where it was written as an integer
};

// A number and, where it was written as an integer, its exact value.
struct ExactNumber {
  double value = 0;
  std::optional<std::int64_t> integer;
};

class PredicateRegistry;

// Where decoding happens: what is known and where mistakes go.
struct DecodeContext {
  Diagnostics& diagnostics;
  std::optional<std::string> default_alias;
  const std::set<std::string, std::less<>>& known_aliases;
  const PredicateRegistry* predicates = nullptr;  // for fields that hold assertions
  const Schema* twin = nullptr;         // the step of the same name with or without the underscore, if there is one
};

class FieldDecoder;

// A reference of a decoded spec, and where in its field it stands: "[1]", ".b", or empty.
struct FieldReference {
  const TensorRef* ref;
  std::string within = "";
  std::optional<Role> role = {};  // where it is not that of its field; it reads and writes as that does
};

struct Field {
  std::string name;
  FieldTypePtr type;
  std::string docs = {};
  bool required = false;
  std::string default_text = {};           // as documented; empty: none
  std::optional<Role> role = {};           // of the references that it holds; as the defaults of the other fields have it
  bool null_is_absent = false;             // null says as little as no key at all
  // Decodes into the spec at `spec`; mistakes go to the decoder.
  std::function<void(const YamlNode& value, const FieldDecoder& decoder, void* spec)> decode = nullptr;
  // The references of a decoded spec, in order; unset for fields that hold none.
  std::function<std::vector<FieldReference>(const void* spec)> references = nullptr;
  // Set where the role depends on the rest of the spec.
  std::function<Role(const void* spec)> role_by_spec = nullptr;

  [[nodiscard]] Role role_in(const void* spec) const { return role_by_spec ? role_by_spec(spec) : *role; }

  Field& require() {
    required = true;
    return *this;
  }
  Field& doc(std::string text) {
    docs = std::move(text);
    return *this;
  }
  Field& defaults_to(std::string text) {
    default_text = std::move(text);
    return *this;
  }
};

struct Docs {
  std::string summary;  // one sentence
  std::string details;
  std::string example;     // YAML of one step, for the model that plans/make_tiny_gpt2.yaml makes
  std::string setup = {};  // YAML list of the steps that the example needs before it
};

struct Schema {
  std::string name;
  Docs docs;
  std::vector<std::shared_ptr<Field>> fields;
  // The field that a payload which is no mapping stands for: `exists: REF`.
  const Field* shorthand = nullptr;
  bool shorthand_only = false;            // ... and a mapping is refused
  bool own_keys = false;                  // further keys are the user's own
  std::vector<std::string> needs_one_of;  // fields of which at least one has to be there
  std::vector<std::string> elsewhere;     // names that other tools give to the step: for hints alone

  [[nodiscard]] const Field* find(std::string_view key) const;
  // Whether nothing has to be said: the bare name of the command is a step.
  [[nodiscard]] bool may_be_empty() const;
};

// What decoding one field, or a part of one, may do. `path` is the field as messages write it, "copy.from".
class FieldDecoder {
 public:
  FieldDecoder(const DecodeContext& context, const FieldType& type, std::string path)
      : context_(context), type_(type), path_(std::move(path)) {}

  [[nodiscard]] const DecodeContext& context() const { return context_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Of an entry: `step` is "[0]" or ".name".
  [[nodiscard]] FieldDecoder at(const std::string& step, const FieldType& type) const {
    return {context_, type, path_ + step};
  }
  void fail(const YamlNode& at, std::string_view message, std::vector<std::string> notes = {}) const;
  // "copy.by: expected a number, found the string 'abc'"
  void expected(const YamlNode& at, std::string_view what) const;

  // nullopt after a mistake was reported. Numbers may be written as numbers, booleans or numeric text.
  [[nodiscard]] std::optional<bool> boolean(const YamlNode& value) const;
  [[nodiscard]] std::optional<double> number(const YamlNode& value) const;
  [[nodiscard]] std::optional<ExactNumber> exact_number(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const YamlNode& value) const;
  [[nodiscard]] std::optional<DType> dtype(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::size_t> choice(
      const YamlNode& value) const;  // trimmed, case-insensitive; index into the type's choices
  [[nodiscard]] std::optional<NumberArray> numbers(const YamlNode& value) const;
  [[nodiscard]] std::optional<std::string> text(const YamlNode& value) const;  // not empty
  [[nodiscard]] std::optional<bool> flag(const YamlNode& value) const;         // true, false, t, f as text too
  // A non-negative number that is written as one, no text and no boolean: the eps of comparisons.
  [[nodiscard]] std::optional<double> tolerance(const YamlNode& value) const;
  [[nodiscard]] std::optional<TensorRef> reference(const YamlNode& value) const;
  [[nodiscard]] std::optional<NamePattern> pattern(const YamlNode& value) const;
  // Every entry of a list, with the type's fewest at least.
  template <typename T>
  [[nodiscard]] std::optional<std::vector<T>> list(const YamlNode& value,
                                                   std::optional<T> (FieldDecoder::*decode)(const YamlNode&)
                                                       const) const {
    std::vector<T> result;
    const bool good = each(value, [&](const FieldDecoder& decoder, const YamlNode& item) {
      std::optional<T> decoded = (decoder.*decode)(item);
      if (decoded) result.push_back(*std::move(decoded));
      return decoded.has_value();
    });
    return good ? std::optional(std::move(result)) : std::nullopt;
  }
  // False: this is no such list, which was reported, or `decode` said false of an entry.
  bool each(const YamlNode& value, const std::function<bool(const FieldDecoder&, const YamlNode&)>& decode) const;
  // A mapping from names to strings, which may be empty.
  [[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> texts(const YamlNode& value) const;
  [[nodiscard]] std::optional<Formula> formula(const YamlNode& value) const;
  // A mapping; values that begin with '=' are formulas, others references.
  [[nodiscard]] std::optional<std::vector<Binding>> bindings(const YamlNode& value) const;

 private:
  void read_dotted(const YamlNode& value, TensorRef& ref) const;

  const DecodeContext& context_;
  const FieldType& type_;
  std::string path_;
};

// Decodes a payload into `spec`: unknown keys (with the nearest one), missing keys, every field. False after mistakes,
// which are reported at their places. `path`: "copy", "assert.equal".
[[nodiscard]] bool decode_payload(const Schema& schema, const YamlNode& payload, const DecodeContext& context,
                                  const std::string& path, void* spec);

// A mistake that involves several fields, found after each was decoded.
struct FieldProblem {
  std::string field;  // empty: it is of the payload as a whole
  std::string message;
};
// At the place of the field in the payload.
void report_problem(const FieldProblem& problem, const YamlNode& payload, const DecodeContext& context,
                    const std::string& path);

[[nodiscard]] bool is_yaml_list(const YamlNode& value);

template <typename Spec>
class SchemaBuilder {
 public:
  SchemaBuilder(std::string name, Docs docs) {
    schema_.name = std::move(name);
    schema_.docs = std::move(docs);
  }

  Field& reference(TensorRef Spec::*member, std::string name, Role role) {
    Field& field = add(std::move(name), reference_type(role), member, &FieldDecoder::reference);
    field.references = [member](const void* spec) {
      return std::vector<FieldReference>{{&(static_cast<const Spec*>(spec)->*member)}};
    };
    return field.require();
  }
  Field& reference(std::optional<TensorRef> Spec::*member, std::string name, Role role) {
    Field& field = add(std::move(name), reference_type(role), member, &FieldDecoder::reference);
    field.null_is_absent = true;
    field.references = [member](const void* spec) {
      const std::optional<TensorRef>& ref = static_cast<const Spec*>(spec)->*member;
      return ref ? std::vector<FieldReference>{{&*ref}} : std::vector<FieldReference>();
    };
    return field;
  }
  // Other keys of the spec decide what becomes of the tensor.
  template <typename Member>
  Field& reference(Member Spec::*member, std::string name, std::function<Role(const Spec&)> role) {
    Field& field = reference(member, std::move(name), role(Spec()));
    field.role_by_spec = [role = std::move(role)](const void* spec) { return role(*static_cast<const Spec*>(spec)); };
    return field;
  }
  Field& references(std::vector<TensorRef> Spec::*member, std::string name, Role role) {
    Field& field = add_list(std::move(name), reference_type(role), 1, member, &FieldDecoder::reference);
    field.references = [member](const void* spec) {
      std::vector<FieldReference> result;
      for (const TensorRef& ref : static_cast<const Spec*>(spec)->*member)
        result.push_back({&ref, "[" + std::to_string(result.size()) + "]"});
      return result;
    };
    return field.require();
  }
  // A list of references, or one that stands for several: Role::members.
  Field& members(std::vector<TensorRef> Spec::*member, std::string name, std::function<Role(const Spec&)> role) {
    const FieldTypePtr one = reference_type(role(Spec()));
    const FieldTypePtr list = list_of(one, 1);
    const auto is_list = [](const YamlNode& value) -> std::size_t { return is_yaml_list(value) ? 1 : 0; };
    Field& field = references(member, std::move(name), role(Spec()));
    field.type = one_of_types({one, list}, is_list);
    field.references = [member](const void* spec) {
      const std::vector<TensorRef>& refs = static_cast<const Spec*>(spec)->*member;
      std::vector<FieldReference> result;
      for (const TensorRef& ref : refs)
        result.push_back({&ref, refs.size() == 1 ? "" : "[" + std::to_string(result.size()) + "]"});
      return result;
    };
    field.decode = [member, one, list](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      std::optional<std::vector<TensorRef>> refs;
      if (is_yaml_list(value)) {
        refs = decoder.at("", *list).list(value, &FieldDecoder::reference);
      } else if (std::optional<TensorRef> ref = decoder.at("", *one).reference(value)) {
        refs = {*std::move(ref)};
      }
      if (refs) static_cast<Spec*>(spec)->*member = *std::move(refs);
    };
    field.role_by_spec = [role = std::move(role)](const void* spec) { return role(*static_cast<const Spec*>(spec)); };
    return field;
  }
  Field& field(std::optional<Formula> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::formula), member, &FieldDecoder::formula);
  }
  Field& field(bool Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::boolean), member, &FieldDecoder::boolean);
  }
  Field& field(std::optional<bool> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::boolean), member, &FieldDecoder::boolean);
  }
  Field& field(double Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::number), member, &FieldDecoder::number);
  }
  Field& field(std::optional<double> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::number), member, &FieldDecoder::number);
  }
  Field& field(std::optional<ExactNumber> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::number), member, &FieldDecoder::exact_number);
  }
  Field& field(std::int64_t Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::integer), member, &FieldDecoder::integer);
  }
  Field& field(std::optional<std::int64_t> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::integer), member, &FieldDecoder::integer);
  }
  Field& field(std::vector<std::int64_t> Spec::*member, std::string name) {
    return add_list(std::move(name), scalar(Scalar::integer), 0, member, &FieldDecoder::integer);
  }
  Field& field(std::optional<std::vector<std::int64_t>> Spec::*member, std::string name) {
    return add_list(std::move(name), scalar(Scalar::integer), 0, member, &FieldDecoder::integer);
  }
  Field& field(DType Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::dtype), member, &FieldDecoder::dtype);
  }
  Field& field(std::optional<DType> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::dtype), member, &FieldDecoder::dtype);
  }
  Field& field(std::optional<NumberArray> Spec::*member, std::string name) {
    return add(std::move(name), nested_lists_of(scalar(Scalar::number)), member, &FieldDecoder::numbers);
  }
  // `kind`: path, alias, size or text.
  Field& text(std::string Spec::*member, std::string name, Scalar kind) {
    return add(std::move(name), scalar(kind), member, &FieldDecoder::text);
  }
  Field& text(std::optional<std::string> Spec::*member, std::string name, Scalar kind) {
    return add(std::move(name), scalar(kind), member, &FieldDecoder::text);
  }
  Field& flag(bool Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::flag), member, &FieldDecoder::flag);
  }
  Field& flag(std::optional<bool> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::flag), member, &FieldDecoder::flag);
  }
  Field& tolerance(std::optional<double> Spec::*member, std::string name) {
    return add(std::move(name), scalar(Scalar::tolerance), member, &FieldDecoder::tolerance);
  }
  Field& texts(std::vector<std::pair<std::string, std::string>> Spec::*member, std::string name) {
    Field& field = add(std::move(name), mapping_of(scalar(Scalar::text)), member, &FieldDecoder::texts);
    field.null_is_absent = true;
    return field;
  }
  // A mapping with fields of its own.
  template <typename Record>
  Field& record(std::optional<Record> Spec::*member, std::string name, const SchemaBuilder<Record>& of) {
    Field& field = add_field(std::move(name), record_of(of.schema()));
    field.null_is_absent = true;
    field.decode = [member, decode = of.decoder()](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (const auto decoded = decode(value, decoder.context(), decoder.path()))
        static_cast<Spec*>(spec)->*member = *decoded;
    };
    return field;
  }
  // `values` are the choices in the order of the enumerators of Enum, which count from 0.
  template <typename Enum>
  Field& choice(Enum Spec::*member, std::string name, std::vector<std::string> values) {
    return add_choice<Enum>(member, std::move(name), std::move(values));
  }
  template <typename Enum>
  Field& choice(std::optional<Enum> Spec::*member, std::string name, std::vector<std::string> values) {
    return add_choice<Enum>(member, std::move(name), std::move(values));
  }
  // One of `values`, as they are spelt there.
  Field& word(std::optional<std::string> Spec::*member, std::string name, std::vector<std::string> values) {
    Field& field = add_field(std::move(name), choice_of(values));
    field.decode = [member, values = std::move(values)](const YamlNode& value, const FieldDecoder& decoder,
                                                        void* spec) {
      if (const auto index = decoder.choice(value)) static_cast<Spec*>(spec)->*member = values[*index];
    };
    return field;
  }
  // A field that is decoded by other means.
  Field& custom(std::string name, FieldTypePtr type,
                std::function<void(const YamlNode&, const FieldDecoder&, Spec&)> decode) {
    Field& field = add_field(std::move(name), std::move(type));
    field.decode = [decode = std::move(decode)](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      decode(value, decoder, *static_cast<Spec*>(spec));
    };
    return field;
  }
  // A payload that is no mapping is the value of this field.
  void shorthand(std::string_view field, bool only = false) {
    schema_.shorthand = schema_.find(field);
    schema_.shorthand_only = only;
  }
  void called_elsewhere(std::vector<std::string> names) { schema_.elsewhere = std::move(names); }
  void allow_own_keys() { schema_.own_keys = true; }
  void needs_one_of(std::vector<std::string> fields) { schema_.needs_one_of = std::move(fields); }
  // `problem` may complete the spec with what follows from its fields.
  void check(std::function<std::optional<FieldProblem>(Spec&)> problem) { problem_ = std::move(problem); }

  [[nodiscard]] Schema schema() const { return schema_; }

  // nullptr after mistakes, which are reported.
  using Decode = std::function<std::shared_ptr<const Spec>(const YamlNode& payload, const DecodeContext& context,
                                                           const std::string& path)>;
  [[nodiscard]] Decode decoder() const {
    return [schema = schema_, problem = problem_](const YamlNode& payload, const DecodeContext& context,
                                                  const std::string& path) {
      auto spec = std::make_shared<Spec>();
      if (!decode_payload(schema, payload, context, path, spec.get())) return std::shared_ptr<const Spec>();
      if (problem) {
        if (const std::optional<FieldProblem> found = problem(*spec)) {
          report_problem(*found, payload, context, path);
          return std::shared_ptr<const Spec>();
        }
      }
      return std::shared_ptr<const Spec>(std::move(spec));
    };
  }

 private:
  Field& add_field(std::string name, FieldTypePtr type) {
    const std::optional<Role> role = role_of(*type);
    schema_.fields.push_back(std::make_shared<Field>(Field{.name = std::move(name), .type = std::move(type), .role = role}));
    return *schema_.fields.back();
  }
  template <typename Enum, typename Member>
  Field& add_choice(Member Spec::*member, std::string name, std::vector<std::string> values) {
    Field& field = add_field(std::move(name), choice_of(std::move(values)));
    field.decode = [member](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (const auto index = decoder.choice(value)) static_cast<Spec*>(spec)->*member = static_cast<Enum>(*index);
    };
    return field;
  }
  template <typename Member, typename Value>
  Field& add_list(std::string name, FieldTypePtr each, std::size_t least, Member Spec::*member,
                  std::optional<Value> (FieldDecoder::*decode)(const YamlNode&) const) {
    Field& field = add_field(std::move(name), list_of(std::move(each), least));
    field.decode = [member, decode](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (auto decoded = decoder.list(value, decode)) static_cast<Spec*>(spec)->*member = *std::move(decoded);
    };
    return field;
  }
  template <typename Member, typename Value>
  Field& add(std::string name, FieldTypePtr type, Member Spec::*member,
             std::optional<Value> (FieldDecoder::*decode)(const YamlNode&) const) {
    Field& field = add_field(std::move(name), std::move(type));
    field.decode = [member, decode](const YamlNode& value, const FieldDecoder& decoder, void* spec) {
      if (auto decoded = (decoder.*decode)(value)) static_cast<Spec*>(spec)->*member = *std::move(decoded);
    };
    return field;
  }

  Schema schema_;
  std::function<std::optional<FieldProblem>(Spec&)> problem_;
};

}  // namespace brainsurgery
