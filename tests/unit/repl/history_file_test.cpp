#include "repl/history_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using Entries = std::vector<std::string>;

class Histories : public ::testing::Test {
 protected:
  HistoryFile open() {
    return HistoryFile(posix_env(), [this](const std::string& name) -> std::optional<std::string> {
      if (name == "HOME") return home_.path();
      return std::nullopt;
    });
  }
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(home_ / name).parent_path());
    std::ofstream(home_ / name) << text;
  }
  testing::TempDir home_;
};

TEST_F(Histories, KeepsEntriesOfSeveralLinesAndBackslashes) {
  open().add("copy: from: '(.*)\\.w', to: \\1");
  open().add("- copy:\n    from: a\\n");
  open().add("  ");
  open().add("ls");
  open().add("ls");
  EXPECT_EQ(open().entries(), (Entries{"copy: from: '(.*)\\.w', to: \\1", "- copy:\n    from: a\\n", "ls"}));
  const auto status = posix_env().status(home_ / ".local/state/brainsurgery/history");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->mode & 0077, 0u) << "only its owner reads it";
}

TEST_F(Histories, BeginsWithThatOfThePythonProgram) {
  write(".brainsurgery_history", "copy: from: a\\n, to: b\n\nls\n\x1b[2Jevil\n");
  EXPECT_EQ(open().entries(), (Entries{"copy: from: a\\n, to: b", "ls"}));
  open().add("plan");
  EXPECT_EQ(open().entries(), (Entries{"copy: from: a\\n, to: b", "ls", "plan"}));
}

TEST_F(Histories, KeepsWhatAnotherSessionAdded) {
  HistoryFile one = open(), other = open();
  one.add("a");
  other.add("b");
  one.add("c");
  EXPECT_EQ(open().entries(), (Entries{"a", "b", "c"}));
}

TEST_F(Histories, KeepsTheLastThousand) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\n";
  write(".local/state/brainsurgery/history", text);
  open().add("last");
  const Entries entries = open().entries();
  EXPECT_EQ(entries.size(), HistoryFile::kMostEntries);
  EXPECT_EQ(entries.front(), "1");
  EXPECT_EQ(entries.back(), "last");
}

TEST_F(Histories, WorksWithoutAPlace) {
  write(".local/state/brainsurgery", "a file where the folder should be");
  HistoryFile history = open();
  history.add("ls");
  EXPECT_EQ(history.entries(), (Entries{"ls"}));
  HistoryFile homeless(posix_env(), {});
  homeless.add("ls");
  EXPECT_EQ(homeless.entries(), (Entries{"ls"}));
}

}  // namespace
}  // namespace brainsurgery
