// Which names share a run of bytes in a file that can say so.
#include "session/stored_content.h"

#include <gtest/gtest.h>

#include "brainsurgery/env.h"
#include "support/temp_dir.h"
#include "support/expressions.h"

namespace brainsurgery {
namespace {

class StoredContentTest : public ::testing::Test {
 protected:
  StoredContentTest() {
    testing::write_file(folder_ / "f", std::string(4096, 'x'));
    file_ = posix_env().open(folder_ / "f");
  }
  void put(const std::string& name, std::int64_t offset, TensorDesc desc, std::vector<std::int64_t> strides = {}) {
    names_.put(name, source(file_, offset, std::move(desc), std::move(strides)), SharedStorage{file_.get(), 64, 1024});
  }
  [[nodiscard]] StoredContent stored(bool share) const {
    Format format{};
    format.shares_contents = share;
    return store(names_.in_key_order(), format);
  }

  testing::TempDir folder_;
  std::shared_ptr<const ReadableFile> file_;
  StateDict names_;
};

TEST_F(StoredContentTest, ViewsOfOneStorageShareTheBytesThatTheyUse) {
  put("w", 128, {DType::F32, {4, 5}});
  put("alone", 64, {DType::I32, {3}});  // another type of element: a storage of its own
  put("t", 128, {DType::F32, {5, 4}}, {1, 5});
  put("tail", 200, {DType::F32, {10}});
  put("empty", 64, {DType::F32, {0}});
  const StoredContent got = stored(true);
  ASSERT_EQ(got.contents.size(), 3u);
  EXPECT_EQ(got.content_bytes[0], 240 - 128);  // from the beginning of w to the end of tail
  EXPECT_EQ(got.tensors[0].content, got.tensors[2].content);
  EXPECT_EQ(got.tensors[0].content, got.tensors[3].content);
  EXPECT_EQ(got.tensors[2].strides, (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(got.tensors[3].offset, (200 - 128) / 4);
  EXPECT_NE(got.tensors[1].content, got.tensors[0].content);
  EXPECT_EQ(stored(false).contents.size(), 5u);
}

TEST_F(StoredContentTest, WhatIsLeftOfAGroupStandsAlone) {
  put("a", 128, {DType::F32, {4, 5}}, {1, 4});
  put("b", 128, {DType::F32, {20}});
  names_.rename("a", "c");  // keeps what it shares
  EXPECT_EQ(names_.partners("c"), std::vector<std::string>{"b"});
  EXPECT_EQ(stored(true).contents.size(), 1u);
  names_.put("b", scale(names_.find("b")->expr, 2));  // a write ends it
  EXPECT_TRUE(names_.partners("c").empty());
  const StoredContent got = stored(true);
  EXPECT_EQ(got.contents.size(), 2u);
  EXPECT_TRUE(got.tensors[1].strides.empty());
}

TEST_F(StoredContentTest, OnlyEqualViewsAreTied) {
  put("tied.z", 128, {DType::F32, {4, 5}});
  put("tied.a", 128, {DType::F32, {4, 5}});
  put("tied.m", 128, {DType::F32, {4, 5}});
  put("t", 128, {DType::F32, {5, 4}}, {1, 5});
  put("flat", 128, {DType::F32, {20}});
  put("other dtype", 128, {DType::I32, {4, 5}});
  put("behind", 132, {DType::F32, {4, 5}});
  put("empty", 128, {DType::F32, {0}});
  put("empty too", 128, {DType::F32, {0}});
  names_.put("copy", names_.find("tied.a")->expr);  // written by a step: another tensor with the same values
  EXPECT_EQ(drop_tied(names_), (Metadata{{"tied.m", "tied.a"}, {"tied.z", "tied.a"}}));
  EXPECT_EQ(names_.names().size(), 8u);
  EXPECT_EQ(names_.find("tied.z"), nullptr);
  EXPECT_EQ(drop_tied(names_), Metadata{});
}

}  // namespace
}  // namespace brainsurgery
