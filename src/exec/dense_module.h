// The door to libtorch: loads the dense module when it is first asked for something.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "brainsurgery/types.h"

namespace brainsurgery {

// After load() several threads may call it.
class DenseModule {
 public:
  DenseModule();
  ~DenseModule();

  // Throws Error(run): the module is missing or cannot start.
  void load();

  struct Operand {
    const std::byte* data;
    TensorDesc desc;
  };
  // out = a @ b by torch.matmul's rules; `out` has its final shape. Throws Error(run) where it fails.
  void matmul(const Operand& a, const Operand& b, std::byte* out, const TensorDesc& out_desc);
  // See nodes::SingularFactors. matrix: F64 or F32; out: F64 [rows + columns, count].
  void singular_factors(const Operand& matrix, bool exact, std::byte* out, const TensorDesc& out_desc);

 private:
  struct Library;

  std::unique_ptr<Library> library_;
};

}  // namespace brainsurgery
