// The module's interface; this folder is all of the program that sees libtorch.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>
#include <sys/mman.h>
#include <torch/version.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "brainsurgery/types.h"
#include "exec/dense/dense_abi.h"
#include "exec/dense/narrow_products.h"
#include "exec/dense/singular_factors.h"

namespace brainsurgery::dense {
namespace {

at::ScalarType scalar_type(std::int32_t dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::F64:
      return at::kDouble;
    case DType::F32:
      return at::kFloat;
    case DType::F16:
      return at::kHalf;
    case DType::BF16:
      return at::kBFloat16;
    case DType::I64:
      return at::kLong;
    case DType::I32:
      return at::kInt;
    case DType::I16:
      return at::kShort;
    case DType::I8:
      return at::kChar;
    case DType::U8:
      return at::kByte;
    default:
      throw std::invalid_argument("the dtype is not supported by dense operations");
  }
}

bool is_half(at::ScalarType type) { return type == at::kHalf || type == at::kBFloat16; }

// A view of the caller's memory.
at::Tensor view(const bs_dense_tensor& tensor) {
  const at::IntArrayRef shape(tensor.shape, static_cast<std::size_t>(tensor.rank));
  return at::from_blob(tensor.data, shape, at::TensorOptions().dtype(scalar_type(tensor.dtype)));
}

// Converts to the target's dtype, rounding once.
void store(const at::Tensor& result, const bs_dense_tensor& target) {
  at::Tensor out = view(target);
  if (result.sizes() != out.sizes()) throw std::invalid_argument("the result does not have the shape that was bound");
  out.copy_(result);
}

// Where the result needs no rounding it is made where it belongs: it may be large.
void multiply(const at::Tensor& a, const at::Tensor& b, const bs_dense_tensor& target) {
  if (is_half(a.scalar_type())) {
    store(at::matmul(a.to(at::kFloat), b.to(at::kFloat)), target);
    return;
  }
  at::Tensor out = view(target);
  const std::vector<std::int64_t> bound = out.sizes().vec();
  at::matmul_out(out, a, b);
  if (out.sizes() != bound) throw std::invalid_argument("the result does not have the shape that was bound");
}

// The first line of a message: libtorch appends a stack trace to its own.
void report(const char* what, char* error, std::size_t error_size) {
  const std::string text(what);
  std::snprintf(error, error_size, "%s", text.substr(0, text.find('\n')).c_str());
}

// OpenBLAS maps up to 128 MB of addresses for each task that runs at the same time and, where it cannot, tries again
// for ever. Asks the system first, for all tasks that run.
class LibraryMemory {
 public:
  LibraryMemory() {
    const std::size_t bytes = static_cast<std::size_t>(++running_) * kTaskBytes;
    void* probe = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe != MAP_FAILED) {
      ::munmap(probe, bytes);
      return;
    }
    --running_;
    throw std::runtime_error("the linear algebra library cannot get " + std::to_string(bytes >> 20) + " MB of memory");
  }
  ~LibraryMemory() { --running_; }
  LibraryMemory(const LibraryMemory&) = delete;
  LibraryMemory& operator=(const LibraryMemory&) = delete;

 private:
  static constexpr std::size_t kTaskBytes = 256 << 20;
  static inline std::atomic<int> running_{0};
};

// Runs `work` without letting an exception out.
template <typename Work>
int guarded(char* error, std::size_t error_size, Work work) noexcept {
  try {
    const c10::InferenceMode no_gradients;
    work();
    return 0;
  } catch (const std::exception& failure) {
    report(failure.what(), error, error_size);
  } catch (...) {
    report("an unknown failure in libtorch", error, error_size);
  }
  return 1;
}

std::string blas_name() {
  if (at::hasMKL()) return "MKL";
  using GetConfig = const char* (*)();
  void* found = dlsym(RTLD_DEFAULT, "openblas_get_config");
  if (found == nullptr) return "a BLAS that is not OpenBLAS and may be slow";
  const std::string config = reinterpret_cast<GetConfig>(found)();
  return config.substr(0, config.find(' ', config.find(' ') + 1));  // "OpenBLAS 0.3.21"
}

}  // namespace
}  // namespace brainsurgery::dense

using namespace brainsurgery::dense;

#define BS_DENSE_EXPORT extern "C" __attribute__((visibility("default")))

BS_DENSE_EXPORT int bs_dense_init(int32_t abi_version, int32_t threads, int32_t vector_bytes, char* error,
                                  size_t error_size) {
  return guarded(error, error_size, [&] {
    if (abi_version != BS_DENSE_ABI_VERSION) {
      throw std::runtime_error("the program asks for interface version " + std::to_string(abi_version) +
                               " of the dense module, which has " + std::to_string(BS_DENSE_ABI_VERSION));
    }
    if (vector_bytes != 16 && vector_bytes != 32 && vector_bytes != 64)
      throw std::invalid_argument("vector registers have 16, 32 or 64 bytes");
    if (threads < 1) throw std::invalid_argument("the number of threads must be at least 1");
    at::set_num_threads(threads);
    use_vectors_of(vector_bytes);
#ifdef __GLIBC__
    // glibc lets the size from which blocks are mapped grow with what is freed, and keeps the others: large
    // intermediate results would stay resident, in every thread's arena. A fixed size gives them back.
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  });
}

BS_DENSE_EXPORT const char* bs_dense_description(void) {
  static const std::string text = std::string("libtorch ") + TORCH_VERSION + ", " + blas_name();
  return text.c_str();
}

BS_DENSE_EXPORT int bs_dense_matmul(const bs_dense_tensor* a, const bs_dense_tensor* b, const bs_dense_tensor* out,
                                    char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    const LibraryMemory memory;
    if (a->dtype != b->dtype || a->dtype != out->dtype) throw std::invalid_argument("the operands differ in dtype");
    multiply(view(*a), view(*b), *out);
  });
}

BS_DENSE_EXPORT int bs_dense_singular_factors(const bs_dense_tensor* a, int32_t exact, const bs_dense_tensor* out,
                                              char* error, size_t error_size) {
  return guarded(error, error_size, [&] {
    if (a->rank != 2 || out->rank != 2 ||
        !(scalar_type(a->dtype) == at::kDouble || scalar_type(a->dtype) == at::kFloat))
      throw std::invalid_argument("singular values need a float64 or float32 matrix");
    const LibraryMemory memory;
    const std::int64_t side = std::min(a->shape[0], a->shape[1]);
    if (out->shape[1] < 1 || out->shape[1] > side) throw std::invalid_argument("there are not so many singular values");
    store(singular_factors(view(*a), out->shape[1], exact != 0), *out);
  });
}
