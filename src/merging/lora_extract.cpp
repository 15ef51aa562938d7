// lora_extract: an adapter from the difference of a tuned model and its base.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "merging/adapter_writer.h"
#include "merging/families.h"
#include "merging/kept_energy.h"
#include "merging/model_field.h"
#include "merging/module_words.h"
#include "merging/tensor_math.h"
#include "merging/truncation.h"

namespace brainsurgery {
namespace merging {
namespace {

constexpr const char* kLoraExtract = "lora_extract";

enum class Embeddings { full, lora, skip };
enum class Others { full, skip };

struct LoraExtractSpec {
  std::string tuned, base, to;
  RankChoice rank;
  std::optional<double> error;
  std::optional<NamePattern> modules;
  Embeddings embeddings = Embeddings::full;
  Others others = Others::full;
  bool fan_in_fan_out = false;
  std::optional<DType> dtype;
  std::optional<std::string> base_model;
  KeptPolicy kept;
};

bool is_matrix_like(const Shape& shape) {
  return shape.size() >= 2 && std::ranges::all_of(shape, [](std::int64_t size) { return size > 0; });
}

// The difference of two models, tensor by tensor.
class Extraction {
 public:
  Extraction(const LoraExtractSpec& spec, PlanScope& plan)
      : spec_(spec), tuned_(plan.tensors_of(spec.tuned)), base_(plan.tensors_of(spec.base)),
        kept_(kLoraExtract, spec.kept) {
    for (const std::vector<FoundTensor>* model : {&tuned_, &base_}) {
      for (const FoundTensor& tensor : *model) {
        require_readable(tensor.expr, fmt::format("{}: {}", kLoraExtract, tensor.label()));
        plan.count_read(tensor);
      }
    }
  }

  void write(PlanScope& plan) && {
    writer_.set_fan_in_fan_out(spec_.fan_in_fan_out);
    for (const FoundTensor& tensor : tuned_) add(tensor);
    if (writer_.empty()) {
      throw Error(ErrorCode::plan, fmt::format("{}: no tensor of '{}' is extracted", kLoraExtract, spec_.tuned), {},
                  {"'modules' is a pattern of whole names without .weight, as .*[.](q|k|v|o)_proj"});
    }
    warn_of_missing(plan);
    plan.announce(fmt::format("{}: {} tensors -> {}", kLoraExtract, writer_.tensors(), spec_.to));
    std::move(writer_).write(plan, spec_.to, spec_.base_model.value_or(""));
    std::move(kept_).report(plan);
  }

 private:
  [[nodiscard]] const FoundTensor* base_of(const std::string& name) const {
    const auto found = std::ranges::lower_bound(base_, name, {}, &FoundTensor::name);
    return found == base_.end() || found->name != name ? nullptr : &*found;
  }

  void add(const FoundTensor& tensor) {
    const auto [module, word] = module_and_tensor(tensor.name);
    const FoundTensor* base = base_of(tensor.name);
    const bool fits = base != nullptr && base->expr.shape() == tensor.expr.shape() && is_floating(tensor.expr.dtype()) &&
                      is_floating(base->expr.dtype());
    if (fits && word == "bias" && is_extracted(module)) return writer_.add_bias(module, stored(difference(*base, tensor)));
    if (fits && is_extracted(module) && word == "weight") return add_difference(module, difference(*base, tensor));
    if (is_vocabulary(module)) {
      if (spec_.embeddings != Embeddings::skip) writer_.add_whole(module, word, tensor.expr);
      return;
    }
    const bool is_matrix = word == "weight" && is_matrix_like(tensor.expr.shape()) && base != nullptr;
    if (spec_.others == Others::full && !is_matrix) writer_.add_whole(module, word, tensor.expr);
  }

  // Whether the module's weight becomes two factors.
  [[nodiscard]] bool is_extracted(const std::string& module) const {
    const FoundTensor* weight = base_of(module + ".weight");
    if (weight == nullptr || !is_matrix_like(weight->expr.shape())) return false;
    if (is_vocabulary(module)) return spec_.embeddings == Embeddings::lora;
    return !spec_.modules || spec_.modules->match(module).has_value();
  }

  [[nodiscard]] static Expr difference(const FoundTensor& base, const FoundTensor& tuned) {
    const bool is_wide = base.expr.dtype() == DType::F64 || tuned.expr.dtype() == DType::F64;
    const DType computing = is_wide ? DType::F64 : DType::F32;
    return cast(tuned.expr, computing) - cast(base.expr, computing);
  }

  void add_difference(const std::string& module, const Expr& difference) {
    const Shape shape = difference.shape();
    const bool is_turned = is_embedding(module) || (spec_.fan_in_fan_out && shape.size() == 2);
    const std::int64_t rows = shape[0], columns = element_count(shape) / rows;
    const Expr matrix = is_turned ? permute(difference, {1, 0}) : reshape(difference, {rows, columns});
    const Truncated product = truncated(matrix, spec_.rank);
    kept_.add(last_word(module), product);
    const Expr a = stored(product.a), b = stored(product.b);
    if (is_embedding(module)) return writer_.add_embedding(module, a, b);
    Shape of_a = shape, of_b(shape.size(), 1);  // of a convolution
    of_a[0] = of_b[1] = a.shape()[0];
    of_b[0] = rows;
    if (is_turned || shape.size() == 2) return writer_.add_factors(module, a, b);
    writer_.add_factors(module, reshape(a, of_a), reshape(b, of_b));
  }

  [[nodiscard]] Expr stored(const Expr& value) const { return cast(value, spec_.dtype.value_or(DType::F32)); }

  // An adapter cannot take tensors away.
  void warn_of_missing(PlanScope& plan) const {
    const auto is_missing = [&](const FoundTensor& tensor) {
      return !std::ranges::binary_search(tuned_, tensor.name, {}, &FoundTensor::name);
    };
    const auto first = std::ranges::find_if(base_, is_missing);
    if (first == base_.end()) return;
    plan.warn(fmt::format("{}: '{}' lacks {} tensors of the base, as {}: merged, the adapter leaves the base's",
                          kLoraExtract, spec_.tuned, std::ranges::count_if(base_, is_missing), first->name));
  }

  const LoraExtractSpec& spec_;
  std::vector<FoundTensor> tuned_, base_;  // sorted by name
  AdapterWriter writer_;
  KeptEnergy kept_;
};

void extract(const LoraExtractSpec& spec, PlanScope& plan) {
  const std::vector<std::string> known = plan.aliases();
  if (std::ranges::find(known, spec.to) != known.end())
    throw Error(ErrorCode::plan, fmt::format("{}.to: the alias '{}' exists already", kLoraExtract, spec.to));
  Extraction(spec, plan).write(plan);
}

std::optional<FieldProblem> problem_of(LoraExtractSpec& spec) {
  const auto is_share = [](double value) { return value > 0 && value <= 1; };
  if (spec.rank.rank < 1) return FieldProblem{"rank", "must be a positive integer"};
  if (spec.rank.energy && !is_share(*spec.rank.energy)) return FieldProblem{"energy", "must lie above 0, and at most at 1"};
  if (spec.error && !(*spec.error >= 0 && *spec.error < 1))
    return FieldProblem{"error", "must lie at 0 or above, and below 1"};
  if (spec.rank.energy && spec.error) return FieldProblem{"error", "says the same as energy in other words: give one"};
  if (spec.rank.threshold && !(*spec.rank.threshold >= 0)) return FieldProblem{"threshold", "must be 0 or more"};
  if (spec.dtype && !is_floating(*spec.dtype)) return FieldProblem{"dtype", "must be a floating dtype"};
  if (spec.error) spec.rank.energy = 1 - *spec.error * *spec.error;
  spec.kept.wanted = spec.rank.energy;
  return std::nullopt;
}

constexpr const char* kDetails =
    "The difference of each matrix becomes the product of B [out, r] and A [r, in], its best approximation of rank r; "
    "the scale is 1. Convolutions are decomposed as matrices, biases beside them are stored as lora_bias, and what is no matrix "
    "as it is in the tuned model (modules_to_save). With energy, error or threshold as many directions are kept as are "
    "needed, at most rank; the others are zero. The adapter is a model of its own: written to a directory it is one of "
    "PEFT, with adapter_config.json and adapter_model.safetensors.";

void add_rank_fields(SchemaBuilder<LoraExtractSpec>& schema) {
  add_field<std::int64_t>(schema, "rank", scalar(Scalar::integer), &FieldDecoder::integer,
                          [](LoraExtractSpec& spec, std::int64_t rank) { spec.rank.rank = rank; })
      .defaults_to("16")
      .doc("The rank of each product, or the largest one.");
  add_field<double>(schema, "energy", scalar(Scalar::number), &FieldDecoder::number,
                    [](LoraExtractSpec& spec, double energy) { spec.rank.energy = energy; })
      .doc("The share of the sum of squares of each difference to keep, as 0.99.");
  schema.field(&LoraExtractSpec::error, "error")
      .doc("The largest error of each product relative to the difference, both as Frobenius norms.");
  add_field<double>(schema, "threshold", scalar(Scalar::number), &FieldDecoder::number,
                    [](LoraExtractSpec& spec, double least) { spec.rank.threshold = least; })
      .doc("Singular values above it are kept.");
  add_field<std::size_t>(schema, "method", choice_of({"auto", "exact", "krylov"}), &FieldDecoder::choice,
                         [](LoraExtractSpec& spec, std::size_t i) { spec.rank.method = static_cast<SingularMethod>(i); })
      .defaults_to("auto")
      .doc("How singular values are found, as for low-rank factors of single tensors.");
}

}  // namespace
}  // namespace merging

void add_lora_extract(StepRegistry& registry) {
  using namespace merging;
  SchemaBuilder<LoraExtractSpec> schema(
      kLoraExtract, {"Makes an adapter (LoRA) of the difference between a tuned model and its base.", kDetails,
                     "lora_extract: {tuned: tuned, base: model, to: lora, rank: 4}",
                     "- load: {path: tiny_gpt2.safetensors, alias: tuned}\n- scale_: {target: 'tuned::h[.].+', by: 1.5}"});
  schema.called_elsewhere({"extract_lora", "mergekit_extract_lora", "svd_lora", "lora_from_models"});
  schema.text(&LoraExtractSpec::tuned, "tuned", Scalar::alias).require().doc("The alias of the tuned model.");
  schema.text(&LoraExtractSpec::base, "base", Scalar::alias).require().doc("The alias of its base.");
  schema.text(&LoraExtractSpec::to, "to", Scalar::alias).require().doc("The alias of the adapter, a new one.");
  add_rank_fields(schema);
  add_field<NamePattern>(schema, "modules", scalar(Scalar::pattern), &FieldDecoder::pattern,
                         [](LoraExtractSpec& spec, NamePattern pattern) { spec.modules = std::move(pattern); })
      .defaults_to("all")
      .doc("A pattern of the modules whose matrices are decomposed; other matrices are left out.");
  schema.choice(&LoraExtractSpec::embeddings, "embeddings", {"full", "lora", "skip"})
      .defaults_to("full")
      .doc("Whether embeddings and heads are stored whole, decomposed, or left out.");
  schema.choice(&LoraExtractSpec::others, "others", {"full", "skip"})
      .defaults_to("full")
      .doc("Whether what is no matrix is stored, or left out.");
  schema.field(&LoraExtractSpec::fan_in_fan_out, "fan_in_fan_out")
      .defaults_to("false")
      .doc("Whether matrices are stored [in, out], as those of GPT-2.");
  schema.field(&LoraExtractSpec::dtype, "dtype").defaults_to("float32").doc("The dtype of factors and differences.");
  schema.text(&LoraExtractSpec::base_model, "base_model", Scalar::text)
      .doc("The name of the base for adapter_config.json, where PEFT looks for it.");
  add_kept_fields(schema, &LoraExtractSpec::kept);
  schema.check([](LoraExtractSpec& spec) { return problem_of(spec); });
  const auto introduced = [](const void* spec, const std::optional<std::string>&) {
    return static_cast<const LoraExtractSpec*>(spec)->to;
  };
  registry.add(make_control<LoraExtractSpec>(schema, extract, {.introduces = introduced}));
}

}  // namespace brainsurgery
