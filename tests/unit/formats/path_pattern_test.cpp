#include "formats/path_pattern.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using Names = std::vector<std::string>;

class PathPattern : public ::testing::Test {
 protected:
  void file(const std::string& name) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / name).parent_path());
    testing::write_file(folder_ / name, "x");
  }
  PathMatches match(const std::string& pattern) { return match_path(posix_env(), folder_ / pattern); }
  testing::TempDir folder_;
};

TEST_F(PathPattern, FilesInTheOrderOfTheirNames) {
  for (const char* name : {"m-10.st", "m-2.st", "m-1.st", ".m-3.st", "n-1.st", "m-1.stx"}) file(name);
  std::filesystem::create_directory(folder_ / "m-4.st");
  std::filesystem::create_symlink("n-1.st", folder_ / "m-5.st");
  std::filesystem::create_symlink("nowhere", folder_ / "m-6.st");
  const PathMatches found = match("m-*.st");
  EXPECT_EQ(found.names, (Names{"m-1.st", "m-10.st", "m-2.st", "m-5.st"}));
  EXPECT_EQ(found.root, folder_ / "");
  EXPECT_EQ(match("m-[!25].st").names, Names{"m-1.st"});
  EXPECT_EQ(match("?-[1-4].st").names, (Names{"m-1.st", "m-2.st", "n-1.st"}));
}

TEST_F(PathPattern, FoldersToo) {
  for (const char* name : {"a/x/w", "a/y/w", "b/x/w", "b/x/v", "c"}) file(name);
  EXPECT_EQ(match("?/x//w").names, (Names{"a/x/w", "b/x/w"}));
  EXPECT_EQ(match("a/*/w").names, (Names{"x/w", "y/w"}));
  EXPECT_EQ(match("a/*/w").root, folder_ / "a/");
  EXPECT_EQ(match("*/x/*").names, (Names{"a/x/w", "b/x/v", "b/x/w"}));
}

TEST_F(PathPattern, NothingMatches) {
  for (const char* name : {"run/model-1.st", "run/model-2.st", "run/other"}) file(name);
  EXPECT_EQ(match("run/modle-*.st").near, Names{folder_ / "run/model-*.st"});
  EXPECT_EQ(match("run/model-*.ts").near, Names{folder_ / "run/model-*.st"});
  EXPECT_EQ(match("r*/othr").near, Names{folder_ / "r*/other"});
  EXPECT_EQ(match("nowhere/*").near, Names{});
  EXPECT_EQ(match("run/model-[").near, Names{});
}

TEST(PathPatternWords, Wildcards) {
  for (const char* with : {"a*", "?", "a/[b]/c"}) EXPECT_TRUE(has_wildcards(with)) << with;
  for (const char* without : {"", "a", "a[b", "a]b[c", "a#b"}) EXPECT_FALSE(has_wildcards(without)) << without;
}

}  // namespace
}  // namespace brainsurgery
