// lora_merge: adapters merged into the weights of their base.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "brainsurgery/error.h"
#include "documents/document.h"
#include "merging/adapter_targets.h"
#include "merging/families.h"
#include "merging/model_field.h"
#include "merging/rounding_loss.h"
#include "merging/tensor_math.h"
#include "merging/weight_change.h"

namespace brainsurgery {
namespace merging {
namespace {

constexpr const char* kLoraMerge = "lora_merge";

struct AdapterSpec {
  std::string of;
  double weight = 1;
  std::optional<double> alpha;
  std::optional<NamePattern> only;
};

struct LoraMergeSpec {
  std::optional<std::string> model;
  std::vector<AdapterSpec> adapters;
  LossPolicy loss;
};

bool merges_into(DType dtype) {
  return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

// One tensor of the model with all that adapters do to it.
class MergedTensor {
 public:
  MergedTensor(const LoraMergeSpec& spec, const std::vector<Adapter>& adapters, std::string label, const Target& target)
      : spec_(spec), adapters_(adapters), label_(std::move(label)), target_(target) {
    const Expr& like = target.before ? target.before : target.changes.front().replacement->expr;
    dtype_ = like.dtype();
    shape_ = is_alone() && alone().replacement ? alone().replacement->expr.shape() : like.shape();
    computing_ = is_wide() ? DType::F64 : DType::F32;
    require_alike();
    for (const TargetChange& change : target.changes) {
      const bool is_weight = change.module != nullptr && !change.is_bias;
      weights_.push_back(is_weight ? weight_change(kLoraMerge, at(change), computing_) : WeightChange());
    }
  }

  [[nodiscard]] Expr make(RoundingLoss& loss) const {
    if (is_alone() && alone().module == nullptr) return cast(alone().replacement->expr, dtype_);
    const bool is_narrow = target_.before && target_.before.shape() == shape_ && byte_count(dtype_, {1}) < 4;
    return in_row_blocks(shape_, computing_, [&](Span rows) {
      const Block block = block_of(rows);
      const Expr exact = changed(block);
      Expr rounded = cast(exact, dtype_);
      if (is_narrow) loss.add(target_.kind, block.before, exact, rounded);
      return rounded;
    });
  }

 private:
  // Rows of the result, and of the model's tensor: one expression, so that what is counted of them is read once.
  struct Block {
    Span rows;
    Expr before;  // empty where the tensor is new, or has another shape
  };
  [[nodiscard]] Block block_of(Span rows) const {
    return {rows, target_.before && target_.before.shape() == shape_ ? rows_of(target_.before, rows) : Expr()};
  }

  [[nodiscard]] const TargetChange& alone() const { return target_.changes.front(); }
  // One adapter decides; with others, or with a part of its weight, what it changes is added.
  [[nodiscard]] bool is_alone() const { return target_.changes.size() == 1 && weight_of(alone()) == 1; }
  [[nodiscard]] double weight_of(const TargetChange& change) const { return spec_.adapters[change.adapter].weight; }
  [[nodiscard]] AdaptedWeight at(const TargetChange& change) const {
    return {&adapters_[change.adapter], change.module, {dtype_, shape_}, label_};
  }

  [[nodiscard]] bool is_wide() const {
    const auto is_double = [](const Expr& expr) { return expr.dtype() == DType::F64; };
    return dtype_ == DType::F64 || std::ranges::any_of(target_.changes, [&](const TargetChange& change) {
      if (change.replacement && is_double(change.replacement->expr)) return true;
      return change.module != nullptr && std::ranges::any_of(change.module->parts, [&](const auto& part) {
        return is_double(part.second.expr);
      });
    });
  }

  void require_alike() const {
    const auto fail = [&](const std::string& message, std::vector<std::string> notes) {
      throw Error(ErrorCode::plan, fmt::format("{}: {}", kLoraMerge, message), {}, std::move(notes));
    };
    if (!merges_into(dtype_)) {
      fail(fmt::format("{} is {}: adapters are merged into float64, float32, float16 and bfloat16", label_,
                       to_string(dtype_)),
           {"merge into the model that the quantised one was made of, and quantise the result"});
    }
    if (!target_.before && !is_alone()) {
      fail(fmt::format("there is no {} to weigh {} against", label_, target_.changes.front().replacement->label()),
           {"a tensor that the model does not have is taken from one adapter, with weight 1"});
    }
    for (const TargetChange& change : target_.changes) {
      if (!change.replacement || change.replacement->expr.shape() == shape_) continue;
      fail(fmt::format("{} {} cannot be weighed against {} {}", change.replacement->label(),
                       to_string(change.replacement->expr.shape()), label_, to_string(shape_)),
           {"a tensor of another shape takes the place of the model's where one adapter has it, with weight 1"});
    }
  }

  [[nodiscard]] Expr changed(const Block& block) const {
    if (is_alone()) return own(0, block);
    const Expr before = cast(block.before, computing_);
    Expr result = before;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double weight = weight_of(target_.changes[i]);
      const bool is_sum = !target_.changes[i].replacement && !weights_[i].magnitude;
      result = result + (is_sum ? added(i, weight, block.rows) : weight * (own(i, block) - before));
    }
    return result;
  }

  // What the i-th adapter alone would make of the tensor.
  [[nodiscard]] Expr own(std::size_t i, const Block& block) const {
    const Expr direction = moved(i, block);
    const auto& [delta, magnitude, axes] = weights_[i];
    if (!magnitude) return direction;
    const bool by_rows = std::ranges::find(axes, 0) == axes.end();
    const Expr measured = by_rows ? direction : moved(i, block_of({0, shape_.front()}));
    const Expr norms = reduce(reducer("norm"), {measured}, axes, true);
    const Expr factor = map(operation("divide"), {by_rows ? rows_of(magnitude, block.rows) : magnitude, norms});
    return factor * direction;
  }

  [[nodiscard]] Expr moved(std::size_t i, const Block& block) const {
    const TargetChange& change = target_.changes[i];
    const Expr before = change.replacement ? rows_of(change.replacement->expr, block.rows) : block.before;
    const Expr start = cast(before, computing_);
    return change.module == nullptr ? start : start + added(i, 1, block.rows);
  }

  [[nodiscard]] Expr added(std::size_t i, double weight, Span rows) const {
    const TargetChange& change = target_.changes[i];
    if (change.is_bias) return rows_of(bias_change(kLoraMerge, at(change), computing_, weight), rows);
    return weights_[i].delta(weight, rows);
  }

  const LoraMergeSpec& spec_;
  const std::vector<Adapter>& adapters_;
  std::string label_;
  const Target& target_;
  DType dtype_ = DType::F32, computing_ = DType::F32;
  Shape shape_;
  std::vector<WeightChange> weights_;  // one for each change
};

std::vector<Adapter> read_adapters(const LoraMergeSpec& spec, PlanScope& plan, const std::string& model) {
  std::vector<Adapter> adapters;
  for (const AdapterSpec& adapter : spec.adapters) {
    if (adapter.of == model) {
      throw Error(ErrorCode::plan, fmt::format("{}: '{}' is the model and an adapter of it; name the model: model: ALIAS",
                                               kLoraMerge, model));
    }
    adapters.push_back(read_adapter(plan, kLoraMerge, {adapter.of, adapter.alpha, adapter.only}));
  }
  return adapters;
}

void untie(PlanScope& plan, const std::string& model, const JsonPath& path) {
  DocumentEdit edit;
  edit.alias = model;
  edit.name = kConfigName;
  edit.set.push_back({path, json_boolean(false), {}});
  static_cast<void>(plan.edit_document(edit));
  plan.warn(fmt::format("{}: the head of '{}' is no longer tied to its embedding: {} is false in {}", kLoraMerge, model,
                        to_string(path), kConfigName));
}

void merge_adapters(const LoraMergeSpec& spec, PlanScope& plan) {
  std::vector<std::string> others;
  for (const AdapterSpec& adapter : spec.adapters) others.push_back(adapter.of);
  const std::string model = chosen_model(kLoraMerge, "model", spec.model, others, plan);
  const std::vector<Adapter> adapters = read_adapters(spec, plan, model);
  const TargetFinder finder(kLoraMerge, plan, model);
  Targets targets;
  for (std::size_t i = 0; i < adapters.size(); ++i) finder.add(adapters[i], i, targets);
  RoundingLoss loss(kLoraMerge, spec.loss);
  std::vector<NewTensor> results;
  for (const auto& [name, target] : targets) {
    const std::string label = fmt::format("{}::{}", model, name);
    if (target.before) require_readable(target.before, fmt::format("{}: {}", kLoraMerge, label));
    Expr merged = MergedTensor(spec, adapters, label, target).make(loss);
    for (std::string& follower : finder.followers(name, targets)) results.push_back({std::move(follower), merged});
    results.push_back({name, std::move(merged)});
  }
  const bool unties = finder.unties(targets);
  plan.announce(fmt::format("{}: {} tensors of '{}' changed by {} adapters", kLoraMerge, results.size(), model,
                            adapters.size()));
  plan.write_tensors(model, std::move(results));
  if (unties) untie(plan, model, finder.tie());
  std::move(loss).report(plan);
}

SchemaBuilder<AdapterSpec> adapter_schema() {
  SchemaBuilder<AdapterSpec> adapter("adapter", {"An adapter with its weight.", "", "{of: style, weight: 0.7}"});
  adapter.text(&AdapterSpec::of, "of", Scalar::alias).require().doc("The alias of the adapter, an input or loaded.");
  adapter.field(&AdapterSpec::weight, "weight")
      .defaults_to("1")
      .doc("By which the change that the adapter makes is multiplied; a negative one takes the adapter away.");
  adapter.field(&AdapterSpec::alpha, "alpha")
      .doc("The alpha of all modules, for an adapter that says it nowhere.");
  adapter
      .custom("only", scalar(Scalar::pattern),
              [](const YamlNode& value, const FieldDecoder& decoder, AdapterSpec& spec) {
                if (auto pattern = decoder.pattern(value)) spec.only = *std::move(pattern);
              })
      .defaults_to("all")
      .doc("A pattern of modules, as the adapter names them without base_model.model.; the others are left out.");
  adapter.shorthand("of");
  return adapter;
}

std::optional<FieldProblem> problem_of(const LoraMergeSpec& spec) {
  for (const AdapterSpec& adapter : spec.adapters) {
    if (!std::isfinite(adapter.weight)) return FieldProblem{"adapters", "a weight must be a finite number"};
    if (adapter.alpha && !std::isfinite(*adapter.alpha)) return FieldProblem{"adapters", "alpha must be a finite number"};
  }
  if (!(spec.loss.most >= 0 && spec.loss.most <= 1)) return FieldProblem{"max_loss", "must lie between 0 and 1"};
  return std::nullopt;
}

constexpr const char* kDetails =
    "An adapter is a directory of PEFT with adapter_config.json, or a file of kohya's scripts, LyCORIS or diffusers, opened "
    "like a model. LoRA, rsLoRA, DoRA, LoHa and LoKr are read, of linear layers, embeddings, convolutions and 3-D experts, "
    "with lora_bias and modules_to_save. The change of each adapter is multiplied by its weight and added; the sum is "
    "computed in float32, or float64 if a tensor is of this dtype, and rounded once to the dtype of the model. What "
    "attaches to nothing is a mistake.";

}  // namespace
}  // namespace merging

void add_lora_merge(StepRegistry& registry) {
  using namespace merging;
  SchemaBuilder<LoraMergeSpec> schema(
      kLoraMerge, {"Merges adapters (LoRA and its relatives) into the weights of a model.", kDetails,
                   "lora_merge: {model: model, adapters: [{of: style, weight: 0.7}]}", kAdapterSetup});
  schema.called_elsewhere({"merge_and_unload", "merge_lora", "lora", "peft", "merge_adapter"});
  add_model_field(schema, &LoraMergeSpec::model, "model").doc("The alias of the model, which is changed.");
  add_record_list(schema, &LoraMergeSpec::adapters, "adapters", adapter_schema())
      .doc("The adapters; an alias alone has weight 1.");
  add_loss_fields(schema, &LoraMergeSpec::loss);
  schema.check([](LoraMergeSpec& spec) { return problem_of(spec); });
  registry.add(make_control<LoraMergeSpec>(schema, merge_adapters));
}

}  // namespace brainsurgery
