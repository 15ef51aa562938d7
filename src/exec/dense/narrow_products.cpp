// Vectors are taken sixteen at a time, as a panel: for each of their elements, the sixteen values stand together. So
// one element of the matrix, broadcast, is multiplied with sixteen, and several rows of the matrix share what was
// loaded of the panel.
#include "exec/dense/narrow_products.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace brainsurgery::dense {
namespace {

constexpr std::int64_t kWidth = 16;
// With more, packing the matrix is worth its while.
constexpr std::int64_t kMostRows = 3 * kWidth;
// Of the matrix, while all panels are multiplied with it: stays in the second-level cache.
constexpr std::int64_t kChunkBytes = 512 << 10;

std::int32_t vector_bytes = 16;  // use_vectors_of

// A vector register of kBytes.
template <typename T, int kBytes>
struct Register {
  static constexpr int kCount = kBytes / sizeof(T);
  typedef T Values [[gnu::vector_size(kBytes), gnu::aligned(alignof(T))]];
  Values values;

  [[gnu::always_inline]] static Register& at(T* place) { return *reinterpret_cast<Register*>(place); }
  [[gnu::always_inline]] static const Register& at(const T* place) { return *reinterpret_cast<const Register*>(place); }
};

// Of consecutive rows, packed.
template <typename T>
struct Rows {
  const T* values;
  std::int64_t count;
  std::int64_t length;
};

#define BS_INLINE [[gnu::always_inline]] inline

// For registers of kBytes, kTogether rows at a time.
template <typename T, int kBytes, int kTogether>
struct Kernel {
  using Lanes = Register<T, kBytes>;
  using Values = typename Lanes::Values;  // copied as such: GCC 12 copies structs by halves
  static constexpr int kParts = kWidth / Lanes::kCount;

  // out[row] = sum over i of rows[row][i] * panel[i].
  BS_INLINE static void dots(const T* rows, std::int64_t length, const T* panel, T* out) {
    std::array<std::array<Lanes, kParts>, kTogether> sums{};
    for (std::int64_t i = 0; i < length; ++i) {
      for (int part = 0; part < kParts; ++part) {
        const Values element = lanes(panel, i, part).values;
        for (int row = 0; row < kTogether; ++row) sums[row][part].values += rows[row * length + i] * element;
      }
    }
    for (int row = 0; row < kTogether; ++row) {
      for (int part = 0; part < kParts; ++part) lanes(out, row, part).values = sums[row][part].values;
    }
  }

  // out[i] += sum over row of rows[row][i] * panel[row].
  BS_INLINE static void sums(const T* rows, std::int64_t length, const T* panel, T* out) {
    std::array<std::array<Lanes, kParts>, kTogether> elements;
    for (int row = 0; row < kTogether; ++row) {
      for (int part = 0; part < kParts; ++part) elements[row][part].values = lanes(panel, row, part).values;
    }
    for (std::int64_t i = 0; i < length; ++i) {
      for (int part = 0; part < kParts; ++part) {
        Values sum = lanes(out, i, part).values;
        for (int row = 0; row < kTogether; ++row) sum += rows[row * length + i] * elements[row][part].values;
        lanes(out, i, part).values = sum;
      }
    }
  }

 private:
  template <typename P>
  BS_INLINE static auto& lanes(P* panel, std::int64_t element, int part) {
    return Lanes::at(panel + element * kWidth + part * Lanes::kCount);
  }
};

struct Dots {
  template <typename T, int kBytes, int kTogether>
  BS_INLINE static void run(Rows<T> rows, const T* panel, T* out) {
    std::int64_t row = 0;
    for (; row + kTogether <= rows.count; row += kTogether)
      Kernel<T, kBytes, kTogether>::dots(rows.values + row * rows.length, rows.length, panel, out + row * kWidth);
    for (; row < rows.count; ++row)
      Kernel<T, kBytes, 1>::dots(rows.values + row * rows.length, rows.length, panel, out + row * kWidth);
  }
};

struct Sums {
  template <typename T, int kBytes, int kTogether>
  BS_INLINE static void run(Rows<T> rows, const T* panel, T* out) {
    std::int64_t row = 0;
    for (; row + kTogether <= rows.count; row += kTogether)
      Kernel<T, kBytes, kTogether>::sums(rows.values + row * rows.length, rows.length, panel + row * kWidth, out);
    for (; row < rows.count; ++row)
      Kernel<T, kBytes, 1>::sums(rows.values + row * rows.length, rows.length, panel + row * kWidth, out);
  }
};

// How many rows are taken together: what is kept of each has to stay in registers, of which there are 16, 16 and 32.
template <typename Loop, typename T>
[[gnu::noinline]] void run_baseline(Rows<T> rows, const T* panel, T* out) {
  Loop::template run<T, 16, sizeof(T) == 4 ? 2 : 1>(rows, panel, out);
}

#if defined(__x86_64__)
template <typename Loop, typename T>
[[gnu::noinline, gnu::target("avx2,fma")]] void run_avx2(Rows<T> rows, const T* panel, T* out) {
  Loop::template run<T, 32, sizeof(T) == 4 ? 4 : 3>(rows, panel, out);
}

template <typename Loop, typename T>
[[gnu::noinline, gnu::target("avx512f,avx2,fma")]] void run_avx512(Rows<T> rows, const T* panel, T* out) {
  Loop::template run<T, 64, 8>(rows, panel, out);
}
#endif

template <typename Loop, typename T>
void run(Rows<T> rows, const T* panel, T* out) {
#if defined(__x86_64__)
  if (vector_bytes >= 64) return run_avx512<Loop>(rows, panel, out);
  if (vector_bytes >= 32) return run_avx2<Loop>(rows, panel, out);
#endif
  run_baseline<Loop>(rows, panel, out);
}

// [panels, length, kWidth]: the rows, filled up with zeros.
at::Tensor panels_of(const at::Tensor& rows) {
  const std::int64_t count = rows.size(0), length = rows.size(1), panels = (count + kWidth - 1) / kWidth;
  at::Tensor out = at::empty({panels, length, kWidth}, rows.scalar_type());
  for (std::int64_t panel = 0; panel < panels; ++panel) {
    const std::int64_t first = panel * kWidth, here = std::min(kWidth, count - first);
    out[panel].narrow(1, 0, here).copy_(rows.narrow(0, first, here).t());
    if (here < kWidth) out[panel].narrow(1, here, kWidth - here).zero_();
  }
  return out;
}

at::Tensor rows_of(const at::Tensor& panels, std::int64_t count) {
  return panels.transpose(1, 2).reshape({panels.size(0) * kWidth, panels.size(1)}).narrow(0, 0, count);
}

// Calls use(first row, rows) for all of the matrix.
template <typename T, typename Use>
void for_each_chunk(const at::Tensor& matrix, Use use) {
  const std::int64_t length = matrix.size(1), row_bytes = length * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t together = std::max<std::int64_t>(kChunkBytes / std::max<std::int64_t>(row_bytes, 1) / 8 * 8, 8);
  const T* values = matrix.data_ptr<T>();
  for (std::int64_t row = 0; row < matrix.size(0); row += together)
    use(row, Rows<T>{values + row * length, std::min(together, matrix.size(0) - row), length});
}

template <typename T>
void multiply_transposed(const at::Tensor& panels, const at::Tensor& matrix, at::Tensor& out) {
  const std::int64_t n = matrix.size(1), m = matrix.size(0);
  for_each_chunk<T>(matrix, [&](std::int64_t row, Rows<T> rows) {
    for (std::int64_t panel = 0; panel < panels.size(0); ++panel)
      run<Dots>(rows, panels.data_ptr<T>() + panel * n * kWidth, out.data_ptr<T>() + (panel * m + row) * kWidth);
  });
}

template <typename T>
void multiply(const at::Tensor& panels, const at::Tensor& matrix, at::Tensor& out) {
  const std::int64_t n = matrix.size(1), m = matrix.size(0);
  for_each_chunk<T>(matrix, [&](std::int64_t row, Rows<T> rows) {
    for (std::int64_t panel = 0; panel < panels.size(0); ++panel)
      run<Sums>(rows, panels.data_ptr<T>() + (panel * m + row) * kWidth, out.data_ptr<T>() + panel * n * kWidth);
  });
}

}  // namespace

void use_vectors_of(std::int32_t bytes) { vector_bytes = bytes; }

at::Tensor times_transposed(const at::Tensor& rows, const at::Tensor& matrix) {
  if (rows.size(0) > kMostRows) return at::matmul(rows, matrix.t());
  const at::Tensor panels = panels_of(rows);
  at::Tensor out = at::empty({panels.size(0), matrix.size(0), kWidth}, rows.scalar_type());
  if (rows.scalar_type() == at::kFloat)
    multiply_transposed<float>(panels, matrix, out);
  else
    multiply_transposed<double>(panels, matrix, out);
  return rows_of(out, rows.size(0));
}

at::Tensor times(const at::Tensor& rows, const at::Tensor& matrix) {
  if (rows.size(0) > kMostRows) return at::matmul(rows, matrix);
  const at::Tensor panels = panels_of(rows);
  at::Tensor out = at::zeros({panels.size(0), matrix.size(1), kWidth}, rows.scalar_type());
  if (rows.scalar_type() == at::kFloat)
    multiply<float>(panels, matrix, out);
  else
    multiply<double>(panels, matrix, out);
  return rows_of(out, rows.size(0));
}

void add_times(const at::Tensor& rows, const at::Tensor& matrix, const at::Tensor& sum) {
  if (rows.size(0) > kMostRows)
    sum.addmm_(rows, matrix);
  else
    sum.add_(times(rows, matrix));
}

}  // namespace brainsurgery::dense
