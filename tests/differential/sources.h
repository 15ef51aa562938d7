// Files full of numbers to read tensors from, one stretch per dtype, at even and at odd offsets.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "brainsurgery/expr.h"
#include "support/temp_dir.h"

namespace brainsurgery::testing {

using Engine = std::mt19937_64;

// 0 .. bound - 1.
[[nodiscard]] std::int64_t draw(Engine& engine, std::int64_t bound);
[[nodiscard]] bool chance(Engine& engine, double probability);

// The dtypes that both this program and every libtorch compute with.
inline constexpr DType kDTypes[] = {DType::BOOL, DType::U8,  DType::I8,   DType::I16, DType::I32,
                                    DType::I64,  DType::F16, DType::BF16, DType::F32, DType::F64};

class Sources {
 public:
  static constexpr std::int64_t kMaxElements = 400'000;  // of one tensor

  explicit Sources(std::uint64_t seed);

  // A tensor at some place of some file.
  [[nodiscard]] Expr any(Engine& engine, const TensorDesc& desc) const;
  // Elements of `dtype`: ordinary numbers, small integers, special values (NaN and infinities among them), any bits.
  [[nodiscard]] static std::vector<std::byte> numbers(Engine& engine, DType dtype, std::int64_t count);

 private:
  struct Stretch {
    DType dtype;
    std::shared_ptr<const ReadableFile> file;
    std::int64_t offset;
  };
  TempDir folder_;
  std::vector<Stretch> stretches_;
};

}  // namespace brainsurgery::testing
