// PyTorch's distributed checkpoints: a directory with `.metadata`, a pickle that says where every part of every tensor
// stands, and `__R_N.distcp` files, in which complete archives of single tensors lie one after another.
//
// Source: torch.distributed.checkpoint of PyTorch 2.13, and formats "Distributed checkpoint". Explained in
// docs/formats/torch.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/format.h"
#include "formats/file_layout.h"

namespace brainsurgery {

inline constexpr std::string_view kDcpMetadata = ".metadata";
inline constexpr std::string_view kDcpSuffix = ".distcp";

// The registry's row: such directories are written by it and read by read_dcp.
[[nodiscard]] Format dcp_format();

// `open` gives the data file of a name in the same directory. Tensors that were saved in parts appear whole. Throws
// Error(run) "'path': invalid DCP metadata: <reason>": besides what the pickle machine refuses, parts that overlap, are
// missing or are not what the metadata say, and files outside of the directory.
[[nodiscard]] FileContents read_dcp(const ReadableFile& metadata,
                                    const std::function<std::shared_ptr<const ReadableFile>(const std::string&)>& open);

// One data file, then the metadata. Names stand in containers as DcpNesting says. Throws Error(run) for a name that is
// both a value and a container.
[[nodiscard]] DirectoryLayout layout_dcp(const FileRequest& request);

// "__0_0.distcp" and ".metadata": what a new distributed checkpoint replaces.
[[nodiscard]] bool is_dcp_file(std::string_view name);

}  // namespace brainsurgery
