#include "exec/dense_module.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <vector>

#include "brainsurgery/error.h"
#include "exec/dense/dense_abi.h"
#include "kernels/wide.h"

namespace brainsurgery {
namespace {

constexpr const char* kFileName = "libbrainsurgery_dense.so";
constexpr std::size_t kMessageSize = 512;

// BRAINSURGERY_DENSE names the file; else it stands beside the program, in ../lib/brainsurgery, or one folder up, as
// for the test programs of a build.
std::vector<std::string> candidates() {
  if (const char* named = std::getenv("BRAINSURGERY_DENSE"); named != nullptr && *named != '\0') return {named};
  std::string program(PATH_MAX, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", program.data(), program.size());
  program.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  const std::string folder = program.substr(0, program.rfind('/') + 1);
  return {folder + kFileName, folder + "../lib/brainsurgery/" + kFileName, folder + "../" + kFileName};
}

bs_dense_tensor abi_tensor(const void* data, const TensorDesc& desc) {
  return {const_cast<void*>(data), static_cast<std::int32_t>(desc.dtype), static_cast<std::int32_t>(desc.shape.size()),
          desc.shape.data()};
}

// Where libtorch's libraries cannot map what they need, they end the process or wait for ever: asks the system first.
void require_addresses() {
  constexpr std::size_t kBytes = 768 << 20;  // 620 MB were needed (1.13)
  void* probe = ::mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) {
    throw Error(ErrorCode::run,
                fmt::format("this step needs libtorch, which takes {} MB of addresses; the limit of the process "
                            "(ulimit -v) leaves less",
                            kBytes >> 20));
  }
  ::munmap(probe, kBytes);
}

// How this processor is told of.
struct Processor {
  const char* openblas_core;  // nullptr: its own guess
  std::int32_t vector_bytes;
};

Processor processor() {
  switch (kernels::instruction_set()) {
    case kernels::InstructionSet::avx512:
      return {"SkylakeX", 64};
    case kernels::InstructionSet::avx2:
      return {"Haswell", 32};
    case kernels::InstructionSet::baseline:
      break;
  }
  return {nullptr, 16};
}

// What linear algebra libraries read from the environment while they are loaded.
void set_environment() {
  // Threads of their own would be started then; the program's pool is the only one wanted.
  ::setenv("OPENBLAS_NUM_THREADS", "1", 1);
  ::setenv("OMP_NUM_THREADS", "1", 1);
  // OpenBLAS 0.3.20 to 0.3.23 take Intel processors that are younger than they are for a Prescott, without AVX (its
  // issue 4267), and are several times slower there. Whoever has set this knows better.
  if (const char* core = processor().openblas_core; core != nullptr) ::setenv("OPENBLAS_CORETYPE", core, 0);
}

}  // namespace

// Never unloaded: libtorch does not survive it.
struct DenseModule::Library {
  void* handle = nullptr;
  decltype(&bs_dense_matmul) matmul = nullptr;
  decltype(&bs_dense_singular_factors) singular_factors = nullptr;
};

DenseModule::DenseModule() = default;
DenseModule::~DenseModule() = default;

void DenseModule::load() {
  if (library_) return;
  require_addresses();
  set_environment();
  std::string reason = "there is no such file";
  auto library = std::make_unique<Library>();
  for (const std::string& path : candidates()) {
    if (::access(path.c_str(), F_OK) != 0) continue;
    library->handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library->handle != nullptr) break;
    reason = ::dlerror();
  }
  if (library->handle == nullptr) {
    throw Error(ErrorCode::run,
                fmt::format("this step needs the dense module {}, which cannot be loaded: {}", kFileName, reason), {},
                {"build it with libtorch (BS_DENSE=ON), or name it by the environment variable BRAINSURGERY_DENSE"});
  }
  const auto symbol = [&](const char* name) {
    void* found = ::dlsym(library->handle, name);
    if (found == nullptr) throw Error(ErrorCode::run, fmt::format("the dense module {} lacks '{}'", kFileName, name));
    return found;
  };
  std::array<char, kMessageSize> message{};
  const auto init = reinterpret_cast<decltype(&bs_dense_init)>(symbol("bs_dense_init"));
  if (init(BS_DENSE_ABI_VERSION, 1, processor().vector_bytes, message.data(), message.size()) != 0) {
    throw Error(ErrorCode::run, fmt::format("the dense module cannot start: {}", message.data()));
  }
  library->matmul = reinterpret_cast<decltype(&bs_dense_matmul)>(symbol("bs_dense_matmul"));
  library->singular_factors =
      reinterpret_cast<decltype(&bs_dense_singular_factors)>(symbol("bs_dense_singular_factors"));
  library_ = std::move(library);
}

void DenseModule::matmul(const Operand& a, const Operand& b, std::byte* out, const TensorDesc& out_desc) {
  const bs_dense_tensor left = abi_tensor(a.data, a.desc);
  const bs_dense_tensor right = abi_tensor(b.data, b.desc);
  const bs_dense_tensor result = abi_tensor(out, out_desc);
  std::array<char, kMessageSize> message{};
  if (library_->matmul(&left, &right, &result, message.data(), message.size()) != 0) {
    throw Error(ErrorCode::run, fmt::format("matmul failed: {}", message.data()));
  }
}

void DenseModule::singular_factors(const Operand& matrix, bool exact, std::byte* out, const TensorDesc& out_desc) {
  const bs_dense_tensor operand = abi_tensor(matrix.data, matrix.desc);
  const bs_dense_tensor result = abi_tensor(out, out_desc);
  std::array<char, kMessageSize> message{};
  if (library_->singular_factors(&operand, exact ? 1 : 0, &result, message.data(), message.size()) != 0) {
    throw Error(ErrorCode::run, fmt::format("the singular values of a matrix of shape {} cannot be found: {}",
                                            to_string(matrix.desc.shape), message.data()));
  }
}

}  // namespace brainsurgery
