/* The C interface of the dense module: operations that need whole operands and a linear algebra library. The program
 * loads the module (libbrainsurgery_dense.so) at the first step that needs it; nothing else links libtorch. */
#ifndef BRAINSURGERY_DENSE_ABI_H
#define BRAINSURGERY_DENSE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BS_DENSE_ABI_VERSION 3

/* A packed row-major tensor; dtype is the numeric value of brainsurgery::DType. */
typedef struct {
  void* data;
  int32_t dtype;
  int32_t rank;
  const int64_t* shape;
} bs_dense_tensor;

/* Each returns 0, or 1 with a message of at most error_size - 1 bytes in `error`. `out` must have its final shape; its
 * memory is written. */

/* Must be called once, first. Fixes the number of threads and checks the version. `threads` >= 1. `vector_bytes`: of
 * the vector registers that the module's own loops use: 64 (AVX-512F), 32 (AVX2 and FMA), 16 (what every processor of
 * the kind has). */
int bs_dense_init(int32_t abi_version, int32_t threads, int32_t vector_bytes, char* error, size_t error_size);
/* "libtorch 1.13.1, OpenBLAS": for messages and reports. */
const char* bs_dense_description(void);

/* out = a @ b by torch.matmul's rules for ranks >= 1. a, b, out: one dtype of F64 F32 F16 BF16 I64 I32 I16 I8 U8; half
 * types are computed in float and rounded once. */
int bs_dense_matmul(const bs_dense_tensor* a, const bs_dense_tensor* b, const bs_dense_tensor* out, char* error,
                    size_t error_size);

/* The largest singular values of a: [m, n], F64 or F32, m, n >= 1, and their vectors. out: F64 [m + n, count] with
 * count <= min(m, n): left vectors above right ones, columns times the roots of their values, descending. exact != 0:
 * by a full decomposition; else by an iteration whose approximation error exceeds the best one's by at most 1e-5 of it.
 */
int bs_dense_singular_factors(const bs_dense_tensor* a, int32_t exact, const bs_dense_tensor* out, char* error,
                              size_t error_size);

#ifdef __cplusplus
}
#endif
#endif
