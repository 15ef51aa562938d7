// Every specimen of tests/corpus/manifest.json: what is accepted has exactly the recorded names, dtypes, shapes and
// contents; what is refused is refused with one line.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "brainsurgery/checkpoint.h"
#include "brainsurgery/env.h"
#include "brainsurgery/error.h"
#include "brainsurgery/format.h"
#include "formats/digest.h"
#include "formats/gguf.h"
#include "formats/inspect.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "support/temp_dir.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string kCorpus = BS_TEST_DATA "/corpus/";

// A file, or for an index or the metadata of a distributed checkpoint the directory that it stands in.
std::string checkpoint_path(const std::string& file) {
  const bool is_directory = file.starts_with("index/") || file.starts_with("dcp/");
  return kCorpus + (is_directory ? fs::path(file).parent_path().string() : file);
}

using Row = std::tuple<std::string, std::string, Shape, std::string>;  // name, dtype, shape, sha256

void expect_accepted(const json& specimen, const std::string& file) {
  try {
    const Checkpoint checkpoint = open_checkpoint(posix_env(), all_formats(), checkpoint_path(file));
    const json got = json::parse(inspect_json(checkpoint, {.digest = true, .threads = 2}));
    std::multiset<Row> tensors, expected;
    for (const json& t : got["tensors"]) {
      tensors.emplace(t["name"], t["dtype"], t["shape"].get<Shape>(), t.value("sha256", ""));
    }
    for (const json& t : specimen["tensors"]) expected.emplace(t[0], t[1], t[2].get<Shape>(), t[3]);
    EXPECT_EQ(tensors, expected) << file;
    if (specimen.contains("metadata")) {
      EXPECT_EQ(got["metadata"], specimen["metadata"]) << file;
    }
  } catch (const Error& error) {
    ADD_FAILURE() << file << " (" << specimen["reason"] << "): " << error.what();
  }
}

void expect_refused(const json& specimen, const std::string& file) {
  try {
    static_cast<void>(open_checkpoint(posix_env(), all_formats(), checkpoint_path(file)));
    ADD_FAILURE() << file << " was accepted: " << specimen["reason"];
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run) << file;
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size() - kCorpus.size(), 500u) << message;
    EXPECT_EQ(message.find('\0'), std::string::npos) << file;
  }
}

TEST(Corpus, EverySpecimenHasItsVerdict) {
  const json manifest = json::parse(testing::read_file(kCorpus + "manifest.json"));
  ASSERT_EQ(manifest.size(), 382u);
  for (const json& specimen : manifest) {
    const auto file = specimen["file"].get<std::string>();
    ASSERT_TRUE(fs::exists(kCorpus + file)) << file;
    specimen["verdict"] == "accept" ? expect_accepted(specimen, file) : expect_refused(specimen, file);
  }
}

bool is_readable(const TensorEntry& tensor) {
  if (tensor.strides.empty()) return !sha256_of(tensor).empty();
  const auto& [dtype, shape] = tensor.desc;
  std::vector<std::byte> bytes(static_cast<std::size_t>(strided_extent(shape, tensor.strides) * item_size(dtype)));
  tensor.file->read(tensor.offset, bytes);
  return true;
}

// A truncated file or a flipped bit may be refused or not, but never crashes, hangs or yields a place outside the file.
int open_damaged(const std::string& folder, FileContents (*read)(std::shared_ptr<const ReadableFile>)) {
  int opened = 0;
  auto open = [&](const std::string& bytes) {
    FileContents contents;
    const std::string message = testing::message_of([&] { contents = read(testing::file_of(bytes)); });
    EXPECT_FALSE(message.starts_with("wrong code")) << message;
    opened += message.empty() ? 1 : 0;
    for (const TensorEntry& tensor : contents.tensors) EXPECT_TRUE(is_readable(tensor));
  };
  for (const auto& specimen : fs::directory_iterator(kCorpus + folder)) {
    const std::string bytes = testing::read_file(specimen.path());
    if (bytes.size() > 2000) continue;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      open(bytes.substr(0, i));
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << i % 8));
      open(flipped);
    }
  }
  return opened;
}

// Flips in names and data leave a valid file.
TEST(Corpus, DamagedSpecimensStayInBounds) {
  EXPECT_GT(open_damaged("safetensors", read_safetensors), 500);
  EXPECT_GT(open_damaged("gguf", read_gguf), 200);
  EXPECT_GT(open_damaged("npy", read_npy), 100);
}

}  // namespace
}  // namespace brainsurgery
