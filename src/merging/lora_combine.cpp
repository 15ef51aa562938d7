// lora_combine: several adapters as one.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "brainsurgery/error.h"
#include "merging/adapter.h"
#include "merging/adapter_writer.h"
#include "merging/combination_rules.h"
#include "merging/families.h"
#include "merging/model_field.h"
#include "merging/tensor_math.h"
#include "merging/truncation.h"
#include "merging/weight_change.h"

namespace brainsurgery {
namespace merging {
namespace {

constexpr const char* kLoraCombine = "lora_combine";

// What a rule is applied to.
enum class Space {
  stacked,   // nothing: the factors are put one beside another
  factors,   // the As and the Bs, each by itself
  products,  // B A, decomposed again
  core,      // the products in the bases that all As and all Bs span (core space, arXiv 2509.17786)
};

struct Method {
  std::string_view name;
  Pruning pruning;
  bool elects;
  Space space;
};
constexpr std::array kMethods{
    Method{"cat", Pruning::none, false, Space::stacked},
    Method{"linear", Pruning::none, false, Space::factors},
    Method{"svd", Pruning::none, false, Space::core},
    Method{"magnitude_prune", Pruning::magnitude, false, Space::factors},
    Method{"magnitude_prune_svd", Pruning::magnitude, false, Space::products},
    Method{"ties", Pruning::magnitude, true, Space::factors},
    Method{"ties_svd", Pruning::magnitude, true, Space::products},
    Method{"ties_core", Pruning::magnitude, true, Space::core},
    Method{"dare_linear", Pruning::random, false, Space::factors},
    Method{"dare_linear_svd", Pruning::random, false, Space::products},
    Method{"dare_ties", Pruning::random, true, Space::factors},
    Method{"dare_ties_svd", Pruning::random, true, Space::products},
    Method{"dare_ties_core", Pruning::random, true, Space::core},
};

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& method : kMethods) names.emplace_back(method.name);
  return names;
}

struct CombinedAdapter {
  std::string of;
  double weight = 1;
  std::optional<NamePattern> only;
};

enum class Signs { total, frequency };

struct LoraCombineSpec {
  std::vector<CombinedAdapter> adapters;
  std::string to;
  std::size_t method = 0;  // its number
  std::optional<std::int64_t> rank;
  double density = 1;
  Signs signs = Signs::total;
  std::int64_t seed = 0;
  std::optional<DType> dtype;

  [[nodiscard]] const Method& rule() const { return kMethods[method]; }
};

// One module as one of the adapters has it: its change is scale * b @ a.
struct Part {
  std::size_t adapter;  // its number
  Expr a, b;            // [r, n], [m, r], in the dtype of the computation
  double scale;
  std::string label;
};

// Of one module, all that adapters say.
struct CombinedModule {
  std::vector<Part> parts;
  Shape shape_a, shape_b;  // of the first adapter's factors
  bool is_embedding = false;
};

struct Factors {
  Expr a, b;
};

Expr transposed(const Expr& matrix) { return permute(matrix, {1, 0}); }

class ModuleCombiner {
 public:
  ModuleCombiner(const LoraCombineSpec& spec, std::string name, const CombinedModule& module)
      : spec_(spec), name_(std::move(name)), module_(module), method_(spec.rule()) {}

  [[nodiscard]] Factors make() const {
    switch (method_.space) {
      case Space::stacked:
        return stacked(true);
      case Space::factors:
        return by_factors();
      case Space::products:
        return by_products();
      case Space::core:
        break;
    }
    return by_core();
  }

 private:
  [[nodiscard]] double weight(const Part& part) const { return spec_.adapters[part.adapter].weight; }

  [[nodiscard]] Factors stacked(bool is_weighted) const {
    std::vector<Expr> a, b;
    for (const Part& part : module_.parts) {
      a.push_back(is_weighted ? weight(part) * part.scale * part.a : part.a);
      b.push_back(part.b);
    }
    return {concat(std::move(a), 0), concat(std::move(b), 1)};
  }

  [[nodiscard]] CombinationRule rule() const {
    const SignElection signs = !method_.elects                ? SignElection::none
                               : spec_.signs == Signs::total ? SignElection::total
                                                             : SignElection::frequency;
    return {method_.pruning, signs, spec_.density, static_cast<std::uint64_t>(spec_.seed)};
  }

  // The root of the weight goes to each factor, its sign to A.
  [[nodiscard]] Factors by_factors() const {
    std::vector<Expr> a, b;
    std::vector<double> weights_a, weights_b;
    for (const Part& part : module_.parts) {
      if (part.a.shape() != module_.parts.front().a.shape()) {
        throw Error(ErrorCode::plan,
                    fmt::format("{}: method {} adds the factors themselves, but {} has rank {}, and {} {}", kLoraCombine,
                                method_.name, part.label, part.a.shape()[0], module_.parts.front().label,
                                module_.parts.front().a.shape()[0]),
                    {}, {"cat, svd and the other methods in _svd and _core take any ranks"});
      }
      const double whole = weight(part) * part.scale, root = std::sqrt(std::abs(whole));
      a.push_back(part.a);
      b.push_back(part.b);
      weights_a.push_back(whole < 0 ? -root : root);
      weights_b.push_back(root);
    }
    return {combined(a, weights_a, rule(), name_ + ".A"), combined(b, weights_b, rule(), name_ + ".B")};
  }

  [[nodiscard]] RankChoice rank() const {
    std::int64_t largest = 0;
    for (const Part& part : module_.parts) largest = std::max(largest, part.a.shape()[0]);
    return {.rank = spec_.rank.value_or(largest)};
  }

  [[nodiscard]] std::vector<double> weights() const {
    std::vector<double> result;
    for (const Part& part : module_.parts) result.push_back(weight(part));
    return result;
  }

  [[nodiscard]] Factors by_products() const {
    std::vector<Expr> products;
    for (const Part& part : module_.parts) products.push_back(part.scale * matmul(part.b, part.a));
    const Truncated result = truncated(combined(products, weights(), rule(), name_), rank());
    return {result.a, result.b};
  }

  // The columns of U span those of all Bs, the rows of V those of all As, so that U (U^T B A V^T) V is B A; what is
  // combined and decomposed has the size of the ranks.
  [[nodiscard]] Factors by_core() const {
    const Factors all = stacked(false);
    const std::int64_t ranks = all.a.shape()[0];
    const LowRank of_b = low_rank(all.b, ranks, SingularMethod::exact), of_a = low_rank(all.a, ranks, SingularMethod::exact);
    const Expr u = normalised(of_b.left, 0), v = normalised(of_a.right, 1);
    std::vector<Expr> cores;
    for (const Part& part : module_.parts) {
      const Expr left = matmul(transposed(u), cast(part.b, DType::F64));
      cores.push_back(part.scale * matmul(left, matmul(cast(part.a, DType::F64), transposed(v))));
    }
    const Truncated result = truncated(combined(cores, weights(), rule(), name_), rank());
    return {matmul(result.a, v), matmul(u, result.b)};
  }

  // Singular vectors of length 1, or 0 where the value is 0 but for rounding. `axis`: along which they lie.
  [[nodiscard]] static Expr normalised(const Expr& vectors, int axis) {
    constexpr double kRounding = 1e-13;
    const Expr squares = reduce(reducer("dot"), {vectors, vectors}, {axis}, true);  // the singular values
    const Expr least = kRounding * reduce(reducer("max"), {squares});
    const Expr root = map(operation("rsqrt"), {squares});
    return vectors * where(less(least, squares), root, number(0, DType::F64));
  }

  const LoraCombineSpec& spec_;
  std::string name_;
  const CombinedModule& module_;
  const Method& method_;
};

// All adapters, by modules.
class Combination {
 public:
  Combination(const LoraCombineSpec& spec, PlanScope& plan) : spec_(spec) {
    for (std::size_t i = 0; i < spec.adapters.size(); ++i) {
      const CombinedAdapter& each = spec.adapters[i];
      adapters_.push_back(read_adapter(plan, kLoraCombine, {each.of, std::nullopt, each.only}));
      add(adapters_.back(), i);
    }
  }

  void write(PlanScope& plan) && {
    for (const auto& [name, module] : modules_) {
      const Factors factors = ModuleCombiner(spec_, name, module).make();
      const Expr a = stored(factors.a), b = stored(factors.b);
      if (module.is_embedding) {
        writer_.add_embedding(name, a, b);
      } else {
        writer_.add_factors(name, shaped(a, module.shape_a, 0), shaped(b, module.shape_b, 1));
      }
    }
    plan.announce(fmt::format("{}: {} adapters -> {}", kLoraCombine, adapters_.size(), spec_.to));
    std::move(writer_).write(plan, spec_.to, "");
  }

 private:
  void add(const Adapter& adapter, std::size_t number) {
    if (adapter.config) is_turned_.insert(adapter.config->fan_in_fan_out);
    if (is_turned_.size() > 1) {
      throw Error(ErrorCode::plan, fmt::format("{}: '{}' and '{}' differ in fan_in_fan_out", kLoraCombine,
                                               spec_.adapters.front().of, adapter.alias));
    }
    writer_.set_fan_in_fan_out(is_turned_.contains(true));
    for (const AdaptedModule& module : adapter.modules) add(adapter, number, module);
    for (const WholeTensor& whole : adapter.wholes) {
      if (const auto [at, is_new] = wholes_.emplace(whole.module + "." + whole.tensor, whole.from.label()); !is_new) {
        throw Error(ErrorCode::plan,
                    fmt::format("{}: {} and {} are whole tensors: adapters that replace the same one are not combined",
                                kLoraCombine, at->second, whole.from.label()),
                    {}, {"merge each into the base, and merge the models"});
      }
      writer_.add_whole(whole.module, whole.tensor, whole.from.expr);
    }
  }

  void add(const Adapter& adapter, std::size_t number, const AdaptedModule& module) {
    using enum AdapterPart;
    const bool is_embedding = module.find(embedding_a) != nullptr;
    const std::size_t usual = module.find(alpha) == nullptr ? 2 : 3;
    const Expr* a = module.find(is_embedding ? embedding_a : lora_a);
    const Expr* b = module.find(is_embedding ? embedding_b : lora_b);
    if (a == nullptr || b == nullptr || module.parts.size() != usual || !adapter.config || module.is_flat || usual == 3) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}: {} is not of a plain LoRA of PEFT, of which alone A and B say all", kLoraCombine,
                              module.parts.rbegin()->second.label()),
                  {}, {"merge the adapter into its base, and extract one from the result"});
    }
    CombinedModule& combined = modules_[module.name];
    if (combined.parts.empty()) {
      combined.shape_a = a->shape();
      combined.shape_b = b->shape();
      combined.is_embedding = is_embedding;
    }
    const auto matrix = [](const Expr& factor) {
      const std::int64_t rows = factor.shape()[0];
      return reshape(cast(factor, factor.dtype() == DType::F64 ? DType::F64 : DType::F32),
                     {rows, element_count(factor.shape()) / rows});
    };
    const Part part{number, matrix(*a), matrix(*b), adapter.config->scale_of(module.name), module.label()};
    require_fit(combined, part, *a, *b);
    combined.parts.push_back(part);
  }

  static void require_fit(const CombinedModule& module, const Part& part, const Expr& a, const Expr& b) {
    const auto outer = [](const Shape& shape) { return Shape(shape.begin() + 1, shape.end()); };
    const bool is_alike = outer(a.shape()) == outer(module.shape_a) && b.shape()[0] == module.shape_b[0] &&
                          part.a.shape()[0] == part.b.shape()[1] && a.dtype() == b.dtype();
    if (is_alike) return;
    throw Error(ErrorCode::plan,
                fmt::format("{}: {}: factors {} and {} do not fit each other, or those of an adapter before it, {} and {}",
                            kLoraCombine, part.label, to_string(a.shape()), to_string(b.shape()),
                            to_string(module.shape_a), to_string(module.shape_b)));
  }

  // `axis`: of the rank, which is another one now.
  [[nodiscard]] static Expr shaped(const Expr& factor, Shape shape, int axis) {
    shape[static_cast<std::size_t>(axis)] = factor.shape()[static_cast<std::size_t>(axis)];
    return reshape(factor, std::move(shape));
  }
  [[nodiscard]] Expr stored(const Expr& value) const { return cast(value, spec_.dtype.value_or(DType::F32)); }

  const LoraCombineSpec& spec_;
  std::vector<Adapter> adapters_;
  std::map<std::string, CombinedModule> modules_;
  std::map<std::string, std::string> wholes_;  // by name, labels
  std::set<bool> is_turned_;
  AdapterWriter writer_;
};

void combine(const LoraCombineSpec& spec, PlanScope& plan) {
  const std::vector<std::string> known = plan.aliases();
  if (std::ranges::find(known, spec.to) != known.end())
    throw Error(ErrorCode::plan, fmt::format("{}.to: the alias '{}' exists already", kLoraCombine, spec.to));
  Combination(spec, plan).write(plan);
}

std::optional<FieldProblem> problem_of(const LoraCombineSpec& spec) {
  for (const CombinedAdapter& adapter : spec.adapters) {
    if (!std::isfinite(adapter.weight)) return FieldProblem{"adapters", "a weight must be a finite number"};
  }
  const Method& method = spec.rule();
  const bool decomposes = method.space == Space::products || method.space == Space::core;
  if (spec.rank && *spec.rank < 1) return FieldProblem{"rank", "must be a positive integer"};
  if (spec.rank && !decomposes)
    return FieldProblem{"rank", fmt::format("is for methods that decompose the sum; the rank of {} follows", method.name)};
  if (method.pruning == Pruning::none && spec.density != 1)
    return FieldProblem{"density", fmt::format("method {} leaves nothing out", method.name)};
  if (!(spec.density > 0 && spec.density <= 1)) return FieldProblem{"density", "must lie above 0, and at most at 1"};
  if (method.space == Space::core && spec.signs == Signs::frequency)
    return FieldProblem{"signs", "in core space most signs depend on those of singular vectors, which are free"};
  if (spec.dtype && !is_floating(*spec.dtype)) return FieldProblem{"dtype", "must be a floating dtype"};
  return std::nullopt;
}

constexpr const char* kDetails =
    "Methods are called as in PEFT. cat is exact, its rank the sum of the ranks. svd is the best approximation of the sum "
    "of products; what ends in _svd works on the products and decomposes the result, in _core on their cores, which are as "
    "small as the ranks. linear, ties, dare_linear, dare_ties and magnitude_prune work on the factors themselves, of equal "
    "ranks, whose product is not the sum of the products. The result has the scale 1.";

SchemaBuilder<CombinedAdapter> adapter_schema() {
  SchemaBuilder<CombinedAdapter> adapter("adapter", {"An adapter with its weight.", "", "{of: style, weight: 0.7}"});
  adapter.text(&CombinedAdapter::of, "of", Scalar::alias).require().doc("The alias of the adapter, an input or loaded.");
  adapter.field(&CombinedAdapter::weight, "weight").defaults_to("1").doc("By which its change is multiplied.");
  add_field<NamePattern>(adapter, "only", scalar(Scalar::pattern), &FieldDecoder::pattern,
                         [](CombinedAdapter& spec, NamePattern pattern) { spec.only = std::move(pattern); })
      .defaults_to("all")
      .doc("A pattern of modules, as the adapter names them without base_model.model.; the others are left out.");
  adapter.shorthand("of");
  return adapter;
}

}  // namespace
}  // namespace merging

void add_lora_combine(StepRegistry& registry) {
  using namespace merging;
  SchemaBuilder<LoraCombineSpec> schema(
      kLoraCombine, {"Makes one adapter (LoRA) of several.", kDetails,
                     "lora_combine: {adapters: [{of: style, weight: 0.7}, style], method: svd, to: both}",
                     kAdapterSetup});
  schema.called_elsewhere({"add_weighted_adapter", "merge_adapters", "combine_adapters"});
  add_record_list(schema, &LoraCombineSpec::adapters, "adapters", adapter_schema())
      .doc("The adapters; an alias alone has weight 1.");
  schema.text(&LoraCombineSpec::to, "to", Scalar::alias).require().doc("The alias of the result, a new one.");
  add_field<std::size_t>(schema, "method", choice_of(method_names()), &FieldDecoder::choice,
                         [](LoraCombineSpec& spec, std::size_t index) { spec.method = index; })
      .defaults_to("cat")
      .doc("How modules that several adapters change are combined.");
  schema.field(&LoraCombineSpec::rank, "rank")
      .defaults_to("the largest of the adapters, module by module")
      .doc("The rank of the result, for svd and methods in _svd and _core.");
  schema.field(&LoraCombineSpec::density, "density")
      .defaults_to("1")
      .doc("The share of elements that pruning leaves.");
  schema.choice(&LoraCombineSpec::signs, "signs", {"total", "frequency"})
      .defaults_to("total")
      .doc("Which sign is elected: that of the sum, or that of most.");
  schema.field(&LoraCombineSpec::seed, "seed").defaults_to("0").doc("For methods that choose at random.");
  schema.field(&LoraCombineSpec::dtype, "dtype").defaults_to("float32").doc("The dtype of the result.");
  schema.check([](LoraCombineSpec& spec) { return problem_of(spec); });
  const auto introduced = [](const void* spec, const std::optional<std::string>&) {
    return static_cast<const LoraCombineSpec*>(spec)->to;
  };
  registry.add(make_control<LoraCombineSpec>(schema, combine, {.introduces = introduced}));
}

}  // namespace brainsurgery
