// Block Krylov iteration for the largest singular values: Golub-Kahan-Lanczos bidiagonalisation with full
// reorthogonalisation (Golub, Luk, Overton, ACM TOMS 7, 1981; Musco, Musco, "Randomized block Krylov methods", 2015),
// Rayleigh-Ritz, and a bound on the error that is made.
//
// Vectors are rows here. After k blocks, Q A^T = T P and P A = T^T Q + (coupling of the last block) Q_next hold with
// orthonormal rows in Q and P. From T = X diag(theta) Y^T come the Ritz vectors v = x^T Q and u = y^T P with
// A v = theta u exactly and A^T u = theta v + e, e the coupling's part.
//
// The bound. Let M = A^T A. In the basis of s Ritz vectors and the rest, M = [[diag(theta^2), R^T], [R, G]] with
// R = e theta. If G <= mu, then for every tau > 0: M <= diag(N, mu + tau) with N = diag(theta^2) + R^T R / tau. So the
// sum of the r <= s largest squared singular values is at most that of max(lambda_i(N), mu + tau). What the squared
// error of the approximation, |A|^2 - sum theta^2, exceeds the best one's by is less than the difference of the sums.
// For s < r the remaining r - s values are at most mu each, by interlacing. mu is taken from the (s+1)-th Ritz value
// and its residual. That takes for granted that the iteration has seen the largest directions at all, which its random
// start makes true with probability 1 and what the sum still gains from check to check makes visible: both have to be
// small.
#include "exec/dense/singular_factors.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <optional>
#include <random>
#include <stdexcept>

#include "exec/dense/narrow_products.h"

namespace brainsurgery::dense {
namespace {

// The error may exceed the best one by so much of it: half of what is promised (docs/arithmetic.md), as the bound
// rests on an estimate.
constexpr double kExcess = 5e-6;
constexpr std::int64_t kFirstCheck = 4, kCheckEvery = 3, kMaxBlocks = 48;
// Where less than this part of the squared norm is left, products in float are too coarse.
constexpr double kCoarse = 1e-6;
// Of double sums of squares, relative.
constexpr double kCancellation = 1e-14;
constexpr std::int64_t kChunkBytes = 2 << 20;
// Vectors of which less than this part is new are orthogonalised twice.
constexpr double kLittle = 1e-3;

// A matrix that is multiplied with few vectors at a time.
class Matrix {
 public:
  explicit Matrix(at::Tensor values) : values_(std::move(values)) {
    const std::int64_t row_bytes = columns() * static_cast<std::int64_t>(sizeof(double));
    chunk_ = at::empty({std::clamp<std::int64_t>(kChunkBytes / row_bytes, 1, rows()), columns()}, at::kDouble);
    for_each_chunk([this](std::int64_t, const at::Tensor& chunk) {
      const at::Tensor numbers = chunk.view(-1);
      norm2_ += at::dot(numbers, numbers).item<double>();
    });
  }
  [[nodiscard]] std::int64_t rows() const { return values_.size(0); }
  [[nodiscard]] std::int64_t columns() const { return values_.size(1); }
  [[nodiscard]] bool is_double() const { return values_.scalar_type() == at::kDouble; }
  [[nodiscard]] double norm2() const { return norm2_; }

  // x A^T of x [k, columns] and y A of y [k, rows], in double; `fast`: in the matrix's own type.
  [[nodiscard]] at::Tensor times_transposed(const at::Tensor& x, bool fast) const {
    if (fast || is_double()) return dense::times_transposed(x.to(values_.scalar_type()), values_).to(at::kDouble);
    at::Tensor out = at::empty({x.size(0), rows()}, at::kDouble);
    for_each_chunk([&](std::int64_t row, const at::Tensor& chunk) {
      out.narrow(1, row, chunk.size(0)).copy_(dense::times_transposed(x, chunk));
    });
    return out;
  }
  [[nodiscard]] at::Tensor times(const at::Tensor& y, bool fast) const {
    if (fast || is_double()) return dense::times(y.to(values_.scalar_type()), values_).to(at::kDouble);
    at::Tensor out = at::zeros({y.size(0), columns()}, at::kDouble);
    for_each_chunk(
        [&](std::int64_t row, const at::Tensor& chunk) { add_times(y.narrow(1, row, chunk.size(0)), chunk, out); });
    return out;
  }

 private:
  // Rows as double, few at a time: a float matrix never exists as a whole in double.
  template <typename Use>
  void for_each_chunk(Use use) const {
    for (std::int64_t row = 0; row < rows(); row += chunk_.size(0)) {
      const std::int64_t count = std::min(chunk_.size(0), rows() - row);
      use(row, chunk_.narrow(0, 0, count).copy_(values_.narrow(0, row, count)));
    }
  }

  at::Tensor values_;
  at::Tensor chunk_;
  double norm2_ = 0;
};

struct Triplets {
  at::Tensor left, values, right;  // [k, m], [k], [k, n]
};

// The same numbers on every machine, from -0.5 to 0.5.
class RandomRows {
 public:
  at::Tensor draw(std::int64_t count, std::int64_t width) {
    at::Tensor rows = at::empty({count, width}, at::kDouble);
    double* values = rows.data_ptr<double>();
    for (std::int64_t i = 0; i < rows.numel(); ++i) values[i] = static_cast<double>(engine_() >> 11) * 0x1p-53 - 0.5;
    return rows;
  }

 private:
  std::mt19937_64 engine_{20120};  // any seed, but always the same
};

// Rows that are orthonormal, and grow.
class Basis {
 public:
  // norm: of the matrix whose products will be appended.
  Basis(std::int64_t capacity, std::int64_t width, double norm)
      : rows_(at::empty({capacity, width}, at::kDouble)), noise_(norm * 0x1p-50) {}
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] at::Tensor all() const { return rows_.narrow(0, 0, size_); }
  [[nodiscard]] at::Tensor last(std::int64_t count) const { return rows_.narrow(0, size_ - count, count); }

  // Appends what is new in `block`; gives [along, beyond] with block = along @ (rows before) + beyond @ (rows
  // appended).
  std::pair<at::Tensor, at::Tensor> extend(at::Tensor block) {
    const std::int64_t count = block.size(0);
    at::Tensor along = at::zeros({count, size_}, at::kDouble);
    at::Tensor beyond = at::eye(count, at::kDouble);
    // Where nothing is new, rounding errors would be made into vectors of length 1. Those of a structured matrix may
    // lie among the rows there are; random ones of the same size hardly do.
    block = block + random_.draw(count, block.size(1)) * (noise_ / std::sqrt(static_cast<double>(block.size(1))));
    // What rounding puts back among the rows there are is divided by what is new. Where that is little, once more
    // (Daniel, Gragg, Kaufman, Stewart, Math. Comp. 30, 1976).
    double length = block.norm().item<double>();
    for (int pass = 0; pass < 3; ++pass) {
      const at::Tensor part = times_transposed(block, all());
      along.addmm_(beyond, part);
      const auto [q, r] = at::linalg_qr((block - times(part, all())).t());
      block = q.t().contiguous();
      beyond = at::matmul(beyond, r.t());
      if (at::linalg_svdvals(r).min().item<double>() >= kLittle * length) break;
      length = 1;
    }
    rows_.narrow(0, size_, count).copy_(block);
    size_ += count;
    return {along, beyond};
  }

 private:
  at::Tensor rows_;
  std::int64_t size_ = 0;
  double noise_;
  RandomRows random_;
};

std::vector<double> numbers(const at::Tensor& tensor) {
  const at::Tensor packed = tensor.contiguous();
  return {packed.data_ptr<double>(), packed.data_ptr<double>() + packed.numel()};
}

// See the top: how much more the `wanted` largest squared singular values may add up to than those of `theta`. theta: s
// Ritz values, descending; coupling: R^T R, [s, s].
double excess_bound(const at::Tensor& theta, const at::Tensor& coupling, double mu, std::int64_t wanted) {
  const at::Tensor squares = theta.square();
  const std::vector<double> ritz = numbers(squares);
  const auto s = static_cast<std::int64_t>(ritz.size());
  const std::int64_t within = std::min(s, wanted);
  double beyond = 0;
  for (std::int64_t i = s; i < wanted; ++i) beyond += mu;
  const double gap = ritz[static_cast<std::size_t>(within - 1)] - mu;
  double best = std::numeric_limits<double>::infinity();
  for (const double tau : {gap, gap / 4, ritz[0] * 0x1p-7, ritz[0] * 0x1p-10, ritz[0] * 0x1p-14, ritz[0] * 0x1p-20,
                           ritz[0] * 0x1p-30, ritz[0] * 0x1p-54}) {
    if (tau <= 0 || (s < wanted && tau > gap)) continue;
    const std::vector<double> above = numbers(at::linalg_eigvalsh(at::diag(squares) + coupling / tau));  // ascending
    double excess = beyond;
    for (std::int64_t i = 0; i < within; ++i) {
      excess += std::max(above[static_cast<std::size_t>(s - 1 - i)], mu + tau) - ritz[static_cast<std::size_t>(i)];
    }
    best = std::min(best, excess);
  }
  return best;
}

class KrylovIteration {
 public:
  KrylovIteration(const Matrix& matrix, std::int64_t count, bool fast)
      : matrix_(matrix),
        count_(count),
        fast_(fast),
        blocks_(std::min(kMaxBlocks, std::min(matrix.rows(), matrix.columns()) / (2 * count))),
        left_(blocks_ * count, matrix.rows(), std::sqrt(matrix.norm2())),
        right_((blocks_ + 1) * count, matrix.columns(), std::sqrt(matrix.norm2())),
        projected_(at::zeros({blocks_ * count, blocks_ * count}, at::kDouble)) {}

  // nullopt: the bound never held.
  [[nodiscard]] std::optional<Triplets> run() {
    right_.extend(RandomRows().draw(count_, matrix_.columns()));
    for (std::int64_t block = 1; block <= blocks_; ++block) {
      expand();
      if (block < kFirstCheck || (block - kFirstCheck) % kCheckEvery != 0) continue;
      const Ritz ritz = analyse();
      if (fast_ && missed(ritz.theta) < kCoarse * matrix_.norm2()) return std::nullopt;
      if (!may_be_done(ritz)) continue;
      std::optional<Triplets> result = refine(ritz);
      if (result || fast_) return result;
    }
    return std::nullopt;
  }

 private:
  struct Ritz {
    at::Tensor theta;       // all, descending
    at::Tensor mix;         // X: rows of right_ that make up the right vectors
    at::Tensor residual;    // [all, count]: e in the coordinates of the next block
    std::int64_t used = 0;  // s
    double mu = 0;
    double excess = std::numeric_limits<double>::infinity();
  };

  void expand() {
    const std::int64_t before = left_.size();
    const auto [along, beyond] = left_.extend(matrix_.times_transposed(right_.last(count_), fast_));
    projected_.narrow(0, before, count_).narrow(1, 0, before).copy_(along);
    projected_.narrow(0, before, count_).narrow(1, before, count_).copy_(beyond);
    coupling_ = right_.extend(matrix_.times(left_.last(count_), fast_)).second;
  }

  [[nodiscard]] Ritz analyse() const {
    const std::int64_t size = left_.size();
    const auto [x, theta, y] = at::linalg_svd(projected_.narrow(0, 0, size).narrow(1, 0, size), false);
    Ritz ritz;
    ritz.theta = theta;
    ritz.mix = x.t();
    ritz.residual = at::matmul(y.narrow(1, size - count_, count_), coupling_);
    const std::vector<double> values = numbers(theta);
    const std::vector<double> off = numbers(ritz.residual.norm(2, {1}));
    // Where the wanted values end in rounding noise, the ones before it decide.
    const auto significant =
        std::count_if(values.begin(), values.end(), [&](double v) { return v > 1e-6 * values[0]; });
    for (const std::int64_t s :
         {count_, 2 * count_, 3 * count_, 5 * count_, std::min<std::int64_t>(significant, count_)}) {
      if (s < 1 || s >= size) continue;
      const auto next = static_cast<std::size_t>(s);
      const double mu = values[next] * values[next] + values[next] * off[next];
      const at::Tensor r = ritz.residual.narrow(0, 0, s) * theta.narrow(0, 0, s).unsqueeze(1);
      const double excess = excess_bound(theta.narrow(0, 0, s), at::matmul(r, r.t()), mu, count_);
      if (excess < ritz.excess) {
        ritz.excess = excess;
        ritz.used = s;
        ritz.mu = mu;
      }
    }
    return ritz;
  }

  [[nodiscard]] double captured(const at::Tensor& theta) const {
    return theta.narrow(0, 0, std::min(count_, theta.size(0))).square().sum().item<double>();
  }
  [[nodiscard]] double missed(const at::Tensor& theta) const {
    return std::max(0.0, matrix_.norm2() - captured(theta));
  }
  // By how much the sum of squares may fall short, for what is promised of the error and for what a result in the
  // matrix's type can show at all.
  [[nodiscard]] double allowed(const at::Tensor& theta, double excess) const {
    const double surely_missed = missed(theta) - excess - kCancellation * matrix_.norm2();
    const double visible = matrix_.is_double() ? 0x1p-92 : 0x1p-48;
    return 2 * kExcess * std::max(0.0, surely_missed) + visible * matrix_.norm2();
  }

  [[nodiscard]] bool may_be_done(const Ritz& ritz) {
    const double now = captured(ritz.theta);
    const double gain = std::max(0.0, now - captured_);
    // What is still to come if the gains go on as a geometric series.
    const double ratio = last_gain_ > 0 ? std::clamp(gain / last_gain_, 0.1, 0.9) : 0.9;
    const double to_come = captured_ > 0 ? gain * ratio / (1 - ratio) : std::numeric_limits<double>::infinity();
    captured_ = now;
    last_gain_ = gain;
    const double rounding = fast_ ? 0 : kCancellation * matrix_.norm2();
    return ritz.excess <= allowed(ritz.theta, ritz.excess) && to_come <= allowed(ritz.theta, to_come) + rounding;
  }

  // Rayleigh-Ritz once more with products in double, and the bound from the residuals themselves.
  [[nodiscard]] std::optional<Triplets> refine(const Ritz& ritz) const {
    const at::Tensor wanted =
        at::matmul(ritz.mix.narrow(0, 0, std::max(ritz.used, count_)), right_.all().narrow(0, 0, left_.size()));
    const auto [x, theta, left] = at::linalg_svd(matrix_.times_transposed(wanted, false), false);
    const at::Tensor right = at::matmul(x.t(), wanted);
    const at::Tensor residual = (matrix_.times(left, false) - right * theta.unsqueeze(1)).narrow(0, 0, ritz.used) *
                                theta.narrow(0, 0, ritz.used).unsqueeze(1);
    const double excess =
        excess_bound(theta.narrow(0, 0, ritz.used), at::matmul(residual, residual.t()), ritz.mu, count_);
    if (excess > allowed(theta, excess)) return std::nullopt;
    return Triplets{left.narrow(0, 0, count_), theta.narrow(0, 0, count_), right.narrow(0, 0, count_)};
  }

  const Matrix& matrix_;
  std::int64_t count_;
  bool fast_;
  std::int64_t blocks_;  // at most
  Basis left_, right_;   // P, Q
  at::Tensor projected_, coupling_;
  double captured_ = 0, last_gain_ = 0;
};

Triplets full(const at::Tensor& matrix, std::int64_t count) {
  const auto [u, s, vh] = at::linalg_svd(matrix.to(at::kDouble), false);
  return {u.narrow(1, 0, count).t(), s.narrow(0, 0, count), vh.narrow(0, 0, count)};
}

Triplets largest(const at::Tensor& values, std::int64_t count, bool exact) {
  if (!exact) {
    const Matrix matrix(values);
    if (!matrix.is_double()) {
      if (std::optional<Triplets> found = KrylovIteration(matrix, count, true).run()) return *std::move(found);
    }
    if (std::optional<Triplets> found = KrylovIteration(matrix, count, false).run()) return *std::move(found);
  }
  return full(values, count);
}

}  // namespace

at::Tensor singular_factors(const at::Tensor& matrix, std::int64_t count, bool exact) {
  const auto [low, high] = at::aminmax(matrix);
  const double largest_entry = std::max(std::abs(low.item<double>()), std::abs(high.item<double>()));
  if (!std::isfinite(low.item<double>()) || !std::isfinite(high.item<double>()))
    throw std::runtime_error("the matrix has values that are not finite");
  at::Tensor factors = at::zeros({matrix.size(0) + matrix.size(1), count}, at::kDouble);
  if (largest_entry == 0) return factors;
  // Squares of doubles may overflow, or vanish.
  const int exponent = std::ilogb(largest_entry);
  const bool extreme = std::abs(exponent) > 300;
  const Triplets found =
      largest(extreme ? at::mul(matrix, at::Scalar(std::ldexp(1.0, -exponent))) : matrix, count, exact);
  at::Tensor weights = found.values.sqrt();
  if (extreme) weights = weights * std::exp2(exponent / 2.0);
  const at::Tensor peak = found.right.gather(1, found.right.abs().argmax(1, /*keepdim=*/true));
  const at::Tensor sign = at::where(peak < 0, -at::ones_like(peak), at::ones_like(peak));
  const at::Tensor scale = weights.unsqueeze(1) * sign;
  factors.narrow(0, 0, matrix.size(0)).copy_((found.left * scale).t());
  factors.narrow(0, matrix.size(0), matrix.size(1)).copy_((found.right * scale).t());
  return factors.add_(0.0);  // no negative zeros
}

}  // namespace brainsurgery::dense
