// NumPy's array files: .npy, one array, and .npz, a zip archive of them. Only headers are read here.
//
//   FileContents contents = read_npz(file);      // one tensor for each NAME.npy, called NAME
//
// An .npy file has no name for its array: it becomes a tensor with the empty name. Column-major arrays become entries
// with strides, big-endian ones are swapped and deflated ones inflated when they are read. The layout of the bytes is
// drawn in npy.cpp and explained in docs/formats/npy.md.
#pragma once

#include <memory>

#include "brainsurgery/format.h"
#include "formats/file_layout.h"

namespace brainsurgery {

// The registry's rows.
[[nodiscard]] Format npy_format();
[[nodiscard]] Format npz_format();

// Throws Error(run): "'path': invalid npy file: <reason>".
[[nodiscard]] FileContents read_npy(std::shared_ptr<const ReadableFile> file);
// Throws Error(run): "'path': invalid npz archive: <reason>", with the entry's name where there is one.
[[nodiscard]] FileContents read_npz(std::shared_ptr<const ReadableFile> file);

// The file of one array, byte for byte numpy.save's; the tensor's name and the metadata are left out. Throws Error(run)
// for several tensors and for a dtype that NumPy has not.
[[nodiscard]] FileLayout layout_npy(const FileRequest& request);
// An archive of stored arrays, each called after its tensor; the metadata are left out. Throws Error(run) for a dtype
// that NumPy has not, a name that no archive takes, and where there is no tensor.
[[nodiscard]] FileLayout layout_npz(const FileRequest& request);

}  // namespace brainsurgery
