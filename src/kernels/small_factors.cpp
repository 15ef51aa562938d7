// One-sided Jacobi: rotates pairs of vectors until all are orthogonal; their lengths are then the singular values. In
// double, for a matrix whose entries are scaled to about 1, so that squares neither overflow nor vanish.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "brainsurgery/error.h"
#include "kernels/kernels.h"
#include "kernels/small_dense.h"
#include "kernels/wide.h"

namespace brainsurgery::kernels {
namespace {

// 10 are usual. What pairs are still turned by then is smaller than the rounding errors of the products.
constexpr int kMaxSweeps = 60;
// The cosine of the angle between vectors that count as orthogonal, times the root of their length: as much as rounding
// makes of it.
constexpr double kOrthogonal = 0x1p-51;

struct Products {
  double aa, bb, ab;
};

// Element i goes to lane i % kLanes; the lanes are then added in order.
struct DotLoop {
  static constexpr std::int64_t kLanes = 8;

  BS_INLINE static Products run(const double* a, const double* b, std::int64_t n) {
    double aa[kLanes] = {}, bb[kLanes] = {}, ab[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        const double x = a[i + lane], y = b[i + lane];
        aa[lane] += x * x;
        bb[lane] += y * y;
        ab[lane] += x * y;
      }
    }
    for (std::int64_t lane = 0; i < n; ++i, ++lane) {
      aa[lane] += a[i] * a[i];
      bb[lane] += b[i] * b[i];
      ab[lane] += a[i] * b[i];
    }
    return {std::accumulate(aa, aa + kLanes, 0.0), std::accumulate(bb, bb + kLanes, 0.0),
            std::accumulate(ab, ab + kLanes, 0.0)};
  }
};

struct RotateLoop {
  BS_INLINE static void run(double* a, double* b, double cosine, double sine, std::int64_t n) {
    BS_NO_DEPENDENCE
    for (std::int64_t i = 0; i < n; ++i) {
      const double x = a[i], y = b[i];
      a[i] = cosine * x - sine * y;
      b[i] = sine * x + cosine * y;
    }
  }
};

// The shorter side's vectors of a matrix, each of `length`, and the rotations that were applied to them: row i of
// `vectors` is the sum over j of turns[i][j] times the original vector j.
class Jacobi {
 public:
  Jacobi(std::vector<double> vectors, std::int64_t count, std::int64_t length)
      : vectors_(std::move(vectors)), turns_(static_cast<std::size_t>(count * count)), count_(count), length_(length),
        orthogonal_(kOrthogonal * std::sqrt(static_cast<double>(length))) {
    for (std::int64_t i = 0; i < count; ++i) turns_[static_cast<std::size_t>(i * count + i)] = 1;
  }

  void run() {
    for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
      bool turned = false;
      for (std::int64_t i = 0; i < count_; ++i) {
        for (std::int64_t j = i + 1; j < count_; ++j) turned |= make_orthogonal(i, j);
      }
      if (!turned) return;
    }
  }

  [[nodiscard]] const double* vector(std::int64_t i) const { return vectors_.data() + i * length_; }
  [[nodiscard]] const double* turn(std::int64_t i) const { return turns_.data() + i * count_; }
  [[nodiscard]] double norm(std::int64_t i) const {
    return std::sqrt(run_widest<DotLoop>(vector(i), vector(i), length_).aa);
  }

 private:
  bool make_orthogonal(std::int64_t i, std::int64_t j) {
    double* const a = vectors_.data() + i * length_;
    double* const b = vectors_.data() + j * length_;
    const Products dot = run_widest<DotLoop>(static_cast<const double*>(a), static_cast<const double*>(b), length_);
    if (std::abs(dot.ab) <= orthogonal_ * std::sqrt(dot.aa) * std::sqrt(dot.bb)) return false;
    const double zeta = (dot.bb - dot.aa) / (2 * dot.ab);
    const double tangent = std::copysign(1 / (std::abs(zeta) + std::hypot(1.0, zeta)), zeta);
    const double cosine = 1 / std::hypot(1.0, tangent), sine = cosine * tangent;
    run_widest<RotateLoop>(a, b, cosine, sine, length_);
    run_widest<RotateLoop>(turns_.data() + i * count_, turns_.data() + j * count_, cosine, sine, count_);
    return true;
  }

  std::vector<double> vectors_, turns_;
  std::int64_t count_, length_;
  double orthogonal_;
};

std::vector<double> transposed(const std::vector<double>& matrix, std::int64_t rows, std::int64_t columns) {
  std::vector<double> out(matrix.size());
  const std::array<std::int64_t, 2> shape{columns, rows}, from{1, columns}, to{rows, 1};
  copy_strided(matrix.data(), out.data(), sizeof(double), {shape, from, to});
  return out;
}

// The power of two that brings the largest magnitude to [1, 2); 0 for zeros.
int exponent_of(const std::vector<double>& values, const Shape& shape) {
  double largest = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::run, fmt::format("the singular values of a matrix of shape {} cannot be found: the matrix "
                                              "has values that are not finite",
                                              brainsurgery::to_string(shape)));
    }
    largest = std::max(largest, std::abs(value));
  }
  return largest == 0 ? 0 : std::ilogb(largest);
}

}  // namespace

void small_singular_factors(const ConstTensor& matrix, std::byte* out, std::int64_t count) {
  const std::int64_t rows = matrix.desc.shape[0], columns = matrix.desc.shape[1];
  std::vector<double> values(static_cast<std::size_t>(rows * columns));
  cast(matrix.desc.dtype, matrix.data, DType::F64, values.data(), std::ssize(values));
  const int exponent = exponent_of(values, matrix.desc.shape);
  for (double& value : values) value = std::ldexp(value, -exponent);

  const bool wide = rows < columns;
  const std::int64_t side = std::min(rows, columns), length = std::max(rows, columns);
  Jacobi jacobi(wide ? std::move(values) : transposed(values, rows, columns), side, length);
  jacobi.run();

  std::vector<double> norms(static_cast<std::size_t>(side));
  for (std::int64_t i = 0; i < side; ++i) norms[static_cast<std::size_t>(i)] = jacobi.norm(i);
  std::vector<std::int64_t> order(static_cast<std::size_t>(side));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&norms](std::int64_t a, std::int64_t b) {
    return norms[static_cast<std::size_t>(a)] > norms[static_cast<std::size_t>(b)];
  });

  std::vector<double> factors(static_cast<std::size_t>((rows + columns) * count));
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t i = order[static_cast<std::size_t>(k)];
    const double norm = norms[static_cast<std::size_t>(i)];
    if (norm == 0) continue;
    // The unit vector of the longer side is vector / norm; the factors carry the root of the singular value each.
    const double root = std::sqrt(norm) * std::exp2(exponent / 2.0), over = root / norm;
    const double* const of_length = jacobi.vector(i);
    const double* const of_side = jacobi.turn(i);
    const double* const right = wide ? of_length : of_side;
    const double* const peak =
        std::max_element(right, right + columns, [](double a, double b) { return std::abs(a) < std::abs(b); });
    const double sign = *peak < 0 ? -1 : 1;
    for (std::int64_t j = 0; j < length; ++j) {
      factors[static_cast<std::size_t>(((wide ? rows : 0) + j) * count + k)] = of_length[j] * over * sign + 0.0;
    }
    for (std::int64_t j = 0; j < side; ++j) {
      factors[static_cast<std::size_t>(((wide ? 0 : rows) + j) * count + k)] = of_side[j] * root * sign + 0.0;
    }
  }
  std::memcpy(out, factors.data(), factors.size() * sizeof(double));
}

}  // namespace brainsurgery::kernels
