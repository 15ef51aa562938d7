// Digests of checkpoints as text, and checkpoints held against what was expected of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"
#include "formats/digest.h"

namespace brainsurgery {

// A line for the whole, after those of the tensors where `each`: "sha256:...  name". Names are escaped for terminals.
[[nodiscard]] std::string digest_text(const ContentDigest& digest, const std::string& path, bool each);
// An object with "digest" and "tensors", a list of objects with name, dtype, shape and digest, one on a line.
[[nodiscard]] std::string digest_json(const ContentDigest& digest);

// A checkpoint as it should be.
struct ExpectedContent {
  std::string source;  // where that is written, for messages
  std::string whole;
  std::optional<std::vector<ContentDigest::Tensor>> tensors;
};

// `expected`: a digest, or the path of a file of digest_json(). Throws Error(plan) for what is neither.
[[nodiscard]] ExpectedContent read_expected(Env& env, const std::string& expected);

// Throws Error(assertion) that names the tensors that differ, as far as they are known, under `what` ("'model.pt'").
void require_equal(const ContentDigest& found, const ExpectedContent& expected, const std::string& what);

}  // namespace brainsurgery
