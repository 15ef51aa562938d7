// Laying out what torch.load opens, with weights_only=True, with and without mmap=True. Drawn in torch_zip.cpp.
#pragma once

#include "formats/file_layout.h"

namespace brainsurgery {

// A dict of the tensors in key order. Tensors of one content share a storage. Throws Error(run): a dtype that PyTorch
// has not.
[[nodiscard]] FileLayout layout_torch(const FileRequest& request);
// The only tensor of the request as it is, without its name.
[[nodiscard]] FileLayout layout_torch_tensor(const FileRequest& request);
// The shape as PyTorch has it, which counts pairs of 4-bit numbers. Throws Error(run) where these make no pairs.
[[nodiscard]] Shape torch_sizes(const StoredTensor& tensor);
// Appends the archive of one bare tensor.
void append_torch_tensor(FileLayout& layout, const FileRequest& request, const StoredTensor& tensor);

}  // namespace brainsurgery
