#include "merging/weight_change.h"

#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "merging/tensor_math.h"

namespace brainsurgery::merging {
namespace {

using enum AdapterPart;

Expr transposed(Expr matrix) { return permute(std::move(matrix), {1, 0}); }

std::int64_t product(const Shape& shape, std::size_t begin = 0) {
  std::int64_t result = 1;
  for (std::size_t i = begin; i < shape.size(); ++i) result *= shape[i];
  return result;
}

// Sums over i and j of left[p, i] core[i, j, k...] right[j, r], as [p, r * k...].
Expr tucker(const Expr& left, const Expr& core, const Expr& right) {
  const std::int64_t i = core.shape()[0], j = core.shape()[1], kernel = product(core.shape(), 2);
  const std::int64_t r = right.shape()[1];
  const Expr by_j = reshape(permute(reshape(core, {i, j, kernel}), {0, 2, 1}), {i * kernel, j});
  const Expr by_i = permute(reshape(matmul(by_j, right), {i, kernel, r}), {0, 2, 1});
  return matmul(left, reshape(by_i, {i, r * kernel}));
}

// The Kronecker product of a matrix [a, b] and [c, d, k...].
Expr kronecker(const Expr& a, const Expr& b) {
  const Shape &x = a.shape(), &y = b.shape();
  const std::int64_t kernel = product(y, 2);
  Shape shape{x[0] * y[0], x[1] * y[1]};
  shape.insert(shape.end(), y.begin() + 2, y.end());
  return reshape(reshape(a, {x[0], 1, x[1], 1, 1}) * reshape(b, {1, y[0], 1, y[1], kernel}), shape);
}

class Maker {
 public:
  Maker(std::string_view step, const AdaptedWeight& at, DType computing)
      : step_(step), at_(at), module_(*at.module), shape_(at.weight.shape), computing_(computing) {}

  [[nodiscard]] WeightChange make() const {
    if (shape_.size() < 2) fail(fmt::format("{} {} is no matrix", at_.label, to_string(shape_)));
    require_rank();
    if (has(embedding_a)) return embedding();
    if (has(hada_w1_a)) return hadamard();
    if (has(lora_mid)) return whole(tucker(matrix(lora_b), part(lora_mid), matrix(lora_a)));
    if (!has(lora_a)) return whole(kronecker(first_factor(), second_factor()));
    return shape_.size() == 3 && part(lora_a).shape().size() == 2 ? experts() : lora();
  }

  // The product, multiplied by what config, alpha and the user say.
  [[nodiscard]] Expr scaled(Expr delta, double factor) const {
    const Adapter& adapter = *at_.adapter;
    const double rank = static_cast<double>(rank_of(module_));
    if (const Expr* own = module_.find(alpha); own != nullptr && rank > 0) {
      if (element_count(own->shape()) != 1) fail(fmt::format("alpha has the shape {}", to_string(own->shape())));
      return std::move(delta) * (factor / rank * reshape(cast(*own, computing_), {1}));
    }
    double scale = 1;
    if (adapter.config) scale = adapter.config->scale_of(module_.name);
    if (adapter.alpha && rank > 0) scale = *adapter.alpha / rank;
    return factor * scale == 1 ? delta : factor * scale * std::move(delta);
  }

  [[nodiscard]] Expr part(AdapterPart name) const { return cast(*module_.find(name), computing_); }

  [[noreturn]] void fail(const std::string& message, std::vector<std::string> notes = {}) const {
    throw Error(ErrorCode::plan, fmt::format("{}: {}: {}", step_, module_.label(), message), {}, std::move(notes));
  }

 private:
  [[nodiscard]] bool has(AdapterPart name) const { return module_.find(name) != nullptr; }
  [[nodiscard]] const Shape& shape_of(AdapterPart name) const { return module_.find(name)->shape(); }
  // Without the dimensions of size 1 that a convolution has.
  [[nodiscard]] Expr matrix(AdapterPart name) const {
    const Shape shape = shape_of(name);
    return reshape(part(name), {shape[0], product(shape, 1)});
  }

  void require_rank() const {
    if (!at_.adapter->config || has(alpha)) return;
    const std::int64_t rank = rank_of(module_), wanted = at_.adapter->config->rank_of(module_.name);
    const bool by_experts = has(lora_a) && shape_.size() == 3 && shape_of(lora_a).size() == 2;
    const std::int64_t found = by_experts && rank % shape_[0] == 0 ? rank / shape_[0] : rank;
    if (rank == 0 || found == wanted) return;
    fail(fmt::format("the rank is {}, but {} says {}", found, kAdapterConfigName, wanted));
  }

  // `fits`: names and shapes of factors.
  [[noreturn]] void misfit(std::initializer_list<AdapterPart> factors, std::vector<std::string> notes = {}) const {
    std::string shapes;
    for (const AdapterPart factor : factors)
      shapes += fmt::format("{}{} {}", shapes.empty() ? "" : ", ", spelling(factor), to_string(shape_of(factor)));
    fail(fmt::format("{} do not fit {} {}", shapes, at_.label, to_string(shape_)), std::move(notes));
  }

  [[nodiscard]] WeightChange whole(const Expr& delta) const {
    if (element_count(delta.shape()) != element_count(shape_) || delta.shape()[0] != shape_[0])
      fail(fmt::format("its product {} does not fit {} {}", to_string(delta.shape()), at_.label, to_string(shape_)));
    const Expr shaped = reshape(delta, shape_);
    return {[maker = *this, shaped](double factor, Span rows) { return maker.scaled(rows_of(shaped, rows), factor); }};
  }

  // Rows of left [n, r] times right [r, m], as rows of the weight.
  [[nodiscard]] WeightChange product_of(const Expr& left, const Expr& right) const {
    return {[maker = *this, left, right](double factor, Span rows) {
      return maker.scaled(maker.as_rows(matmul(rows_of(left, rows), right)), factor);
    }};
  }
  [[nodiscard]] Expr as_rows(Expr matrix) const {
    Shape shape = shape_;
    shape[0] = matrix.shape()[0];
    return reshape(std::move(matrix), std::move(shape));
  }

  [[nodiscard]] WeightChange embedding() const {
    const Shape &a = shape_of(embedding_a), &b = shape_of(embedding_b);
    if (a.size() != 2 || b.size() != 2 || a[0] != b[1] || shape_ != Shape{a[1], b[0]})
      misfit({embedding_a, embedding_b});
    WeightChange change = product_of(transposed(part(embedding_a)), transposed(part(embedding_b)));
    add_magnitude(change, 1);
    return change;
  }

  [[nodiscard]] bool is_transposed() const {
    return at_.adapter->config && at_.adapter->config->fan_in_fan_out && shape_.size() == 2;
  }

  // A convolution whose inputs are grouped has fewer columns in B than A has rows.
  [[nodiscard]] WeightChange lora() const {
    const Shape &a = shape_of(lora_a), &b = shape_of(lora_b);
    const Shape out_in = is_transposed() ? Shape{shape_[1], shape_[0]} : shape_;
    const std::int64_t rank = a[0], out = b[0], inner = product(b, 1);
    const bool is_like_weight = a.size() != out_in.size() || std::equal(a.begin() + 1, a.end(), out_in.begin() + 1);
    if (a.size() < 2 || b.size() < 2 || out != out_in[0] || product(a, 1) != product(out_in, 1) || !is_like_weight ||
        inner == 0 || rank % inner != 0 || out % (rank / inner) != 0 || (rank != inner && shape_.size() == 2)) {
      const bool fits_turned = shape_.size() == 2 && a.size() == 2 && b.size() == 2 && a[0] == b[1] &&
                               Shape{b[0], a[1]} == Shape{out_in[1], out_in[0]};
      misfit({lora_a, lora_b}, fits_turned ? std::vector<std::string>{"the weight is stored the other way round: see "
                                                                      "fan_in_fan_out of " +
                                                                      std::string(kAdapterConfigName)}
                                           : std::vector<std::string>());
    }
    WeightChange change;
    if (is_transposed()) {
      change = product_of(transposed(matrix(lora_a)), transposed(matrix(lora_b)));
    } else if (rank == inner) {
      change = product_of(matrix(lora_b), matrix(lora_a));
    } else {
      const std::int64_t groups = rank / inner;
      change = whole(reshape(matmul(reshape(part(lora_b), {groups, out / groups, inner}),
                                    reshape(part(lora_a), {groups, inner, product(a, 1)})),
                             {out, product(a, 1)}));
    }
    add_magnitude(change, is_transposed() ? 1 : 0);
    return change;
  }

  // A parameter [experts, out, in] or [experts, in, out]: A [experts * r, in], and B [out, r * experts], where the expert
  // counts fastest.
  [[nodiscard]] WeightChange experts() const {
    const Shape &a = shape_of(lora_a), &b = shape_of(lora_b);
    const std::int64_t count = shape_[0];
    const bool is_out_in = shape_ == Shape{count, b[0], a[1]}, is_in_out = shape_ == Shape{count, a[1], b[0]};
    if (b.size() != 2 || a[0] != b[1] || a[0] % count != 0 || (!is_out_in && !is_in_out)) misfit({lora_a, lora_b});
    if (is_out_in && is_in_out) {
      fail(fmt::format("{} {} has as many inputs as outputs: nothing says which axis they are", at_.label,
                       to_string(shape_)));
    }
    const std::int64_t rank = a[0] / count;
    const Expr left = permute(reshape(part(lora_b), {b[0], rank, count}), {2, 0, 1});
    const Expr right = reshape(part(lora_a), {count, rank, a[1]});
    return {[maker = *this, left, right, is_out_in](double factor, Span rows) {
      const Expr delta = matmul(rows_of(left, rows), rows_of(right, rows));
      return maker.scaled(is_out_in ? delta : permute(delta, {0, 2, 1}), factor);
    }};
  }

  [[nodiscard]] WeightChange hadamard() const {
    if (has(hada_t1)) {
      return whole(tucker(transposed(part(hada_w1_a)), part(hada_t1), part(hada_w1_b)) *
                   tucker(transposed(part(hada_w2_a)), part(hada_t2), part(hada_w2_b)));
    }
    const WeightChange first = factors_of(hada_w1_a, hada_w1_b), second = factors_of(hada_w2_a, hada_w2_b);
    return {[maker = *this, first, second](double factor, Span rows) {
      return maker.scaled(first.delta(1, rows) * second.delta(1, rows), factor);
    }};
  }
  // Without a scale.
  [[nodiscard]] WeightChange factors_of(AdapterPart left, AdapterPart right) const {
    const Shape &a = shape_of(left), &b = shape_of(right);
    if (a.size() != 2 || b.size() != 2 || a[1] != b[0] || a[0] != shape_[0] || b[1] != product(shape_, 1))
      misfit({left, right});
    return {[maker = *this, a = part(left), b = part(right)](double, Span rows) {
      return maker.as_rows(matmul(rows_of(a, rows), b));
    }};
  }

  [[nodiscard]] Expr first_factor() const {
    const Expr factor = has(lokr_w1) ? part(lokr_w1) : product_matrix(lokr_w1_a, lokr_w1_b);
    if (factor.shape().size() != 2) fail(fmt::format("lokr_w1 {} is no matrix", to_string(factor.shape())));
    if (shape_[0] % factor.shape()[0] != 0 || shape_[1] % factor.shape()[1] != 0) {
      fail(fmt::format("lokr_w1 {} does not divide {} {}", to_string(factor.shape()), at_.label, to_string(shape_)));
    }
    return factor;
  }

  // The rest of the weight's shape.
  [[nodiscard]] Expr second_factor() const {
    const Shape first = first_factor().shape();
    Shape rest = shape_;
    rest[0] /= first[0];
    rest[1] /= first[1];
    Expr factor = has(lokr_w2)   ? part(lokr_w2)
                  : has(lokr_t2) ? tucker(transposed(part(lokr_w2_a)), part(lokr_t2), part(lokr_w2_b))
                                 : product_matrix(lokr_w2_a, lokr_w2_b);
    if (element_count(factor.shape()) != element_count(rest) || factor.shape()[0] != rest[0] ||
        (has(lokr_w2) && factor.shape() != rest)) {
      fail(fmt::format("the second factor of LoKr is {}, but {} {} leaves {} for it", to_string(factor.shape()), at_.label,
                       to_string(shape_), to_string(rest)));
    }
    return reshape(std::move(factor), rest);
  }
  [[nodiscard]] Expr product_matrix(AdapterPart left, AdapterPart right) const {
    const Shape &a = shape_of(left), &b = shape_of(right);
    if (a.size() != 2 || b.size() != 2 || a[1] != b[0]) misfit({left, right});
    return matmul(part(left), part(right));
  }

  // `axis`: of outputs.
  void add_magnitude(WeightChange& change, int axis) const {
    if (!has(magnitude)) return;
    Shape shape(shape_.size(), 1);
    shape[static_cast<std::size_t>(axis)] = shape_[static_cast<std::size_t>(axis)];
    if (element_count(shape_of(magnitude)) != element_count(shape)) {
      fail(fmt::format("{} {} does not fit {} {}", spelling(magnitude), to_string(shape_of(magnitude)), at_.label,
                       to_string(shape_)));
    }
    change.magnitude = reshape(part(magnitude), shape);
    for (int i = 0; i < static_cast<int>(shape_.size()); ++i) {
      if (i != axis) change.norm_axes.push_back(i);
    }
  }

  std::string_view step_;
  AdaptedWeight at_;
  const AdaptedModule& module_;
  Shape shape_;
  DType computing_;
};

}  // namespace

std::int64_t rank_of(const AdaptedModule& module) {
  const auto size = [&module](AdapterPart part, std::size_t dim) -> std::int64_t {
    const Expr* factor = module.find(part);
    return factor == nullptr || factor->shape().size() <= dim ? 0 : factor->shape()[dim];
  };
  for (const AdapterPart part : {lora_a, embedding_a, hada_w1_b, lokr_w1_b, lokr_w2_b}) {
    if (const std::int64_t rank = size(part, 0); rank > 0) return rank;
  }
  return 0;
}

WeightChange weight_change(std::string_view step, const AdaptedWeight& at, DType computing) {
  const Maker maker(step, at, computing);
  try {
    return maker.make();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::plan || std::string_view(error.what()).starts_with(step)) throw;
    maker.fail(error.what());
  }
}

Expr bias_change(std::string_view step, const AdaptedWeight& at, DType computing, double factor) {
  const Maker maker(step, at, computing);
  const Expr bias = maker.part(lora_bias);
  if (bias.shape() != at.weight.shape) {
    maker.fail(fmt::format("{} {} does not fit {} {}", spelling(lora_bias), to_string(bias.shape()), at.label,
                           to_string(at.weight.shape)));
  }
  return maker.scaled(bias, factor);
}

}  // namespace brainsurgery::merging
