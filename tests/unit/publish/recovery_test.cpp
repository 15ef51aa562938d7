#include "publish/recovery.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>

#include "brainsurgery/error.h"
#include "publish/staged_directory.h"
#include "publish/staged_file.h"
#include "support/faulty_env.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

namespace fs = std::filesystem;
using testing::FaultyEnv;
using testing::read_file;
using testing::TempDir;
using testing::write_file;

using Files = std::map<std::string, std::string>;

const Files kOld{{"model-1-of-2", "old 1"}, {"model-2-of-2", "old 2"}, {"model.index.json", "old index"}};
const Files kNew{{"model-1-of-1", "new 1"}, {"model-2-of-2", "new 2"}, {"model.index.json", "new index"}};

bool belongs(std::string_view name) { return name.starts_with("model"); }

void publish(Env& env, const std::string& target, const Files& files) {
  StagedDirectory staged(env, target, belongs, {.sync = false});
  for (const auto& [name, content] : files) staged.create(name).write(0, std::as_bytes(std::span(content)));
  (void)staged.commit();
}

void make_directory(const std::string& path, const Files& files) {
  fs::create_directories(path);
  for (const auto& [name, content] : files) write_file(path + "/" + name, content);
}

// Without what this program keeps for itself.
Files files_in(const std::string& path) {
  Files files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (!is_housekeeping(entry.path().filename().string())) files[entry.path().filename()] = read_file(entry.path());
  }
  return files;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::run);
    return error.what();
  }
  return "no error";
}

// A publication of kNew over kOld, killed before the call number `call` behind the journal's appearance. False: it went
// through.
bool half_publish(const std::string& target, int call, bool exchange_works = false) {
  make_directory(target, kOld);
  const std::string trial = target + ".trial";
  make_directory(trial, kOld);
  FaultyEnv counting(posix_env(), {.exchange_works = exchange_works, .syncs = false});
  publish(counting, trial, kNew);
  fs::remove_all(trial);
  const auto& calls = counting.calls();
  int journal = 0;  // the last one: that of an exchange which is then not possible comes before
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].starts_with("rename") && calls[i].find("/.brainsurgery-journal") != std::string::npos)
      journal = static_cast<int>(i) + 1;
  }
  FaultyEnv env(posix_env(),
                {.fail_at = journal + call, .dies = true, .exchange_works = exchange_works, .syncs = false});
  try {
    publish(env, target, kNew);
  } catch (const Error&) {
  }
  return env.failed();
}

// Killed at the first moment behind which `when` holds.
void half_publish_until(const std::string& target, const std::function<bool()>& when) {
  for (int call = 1;; ++call) {
    fs::remove_all(target);
    ASSERT_TRUE(half_publish(target, call)) << "never";
    if (when()) return;
  }
}

class RecoveryTest : public ::testing::Test {
 protected:
  // Nothing may be touched where recovery is refused.
  void expect_refusal(const std::string& file, const std::string& how) {
    const Files before = files_in(target_);
    const auto names = posix_env().list(target_);
    const std::string message = error_of([&] { recover(posix_env(), target_, false); });
    EXPECT_EQ(message, "cannot finish the interrupted publication into '" + target_ + "': '" + target_ + "/" + file +
                           "' " + how + "; nothing was touched");
    EXPECT_EQ(error_of([&] { static_cast<void>(foreseen_recovery(posix_env(), target_)); }), message);
    EXPECT_EQ(error_of([&] { publish(posix_env(), target_, {{"model-9", "next"}}); }), message);
    EXPECT_EQ(error_of([&] { StagedFile staged(posix_env(), target_ + "/single", {}); }), message);
    EXPECT_EQ(files_in(target_), before);
    EXPECT_EQ(posix_env().list(target_), names);
  }
  [[nodiscard]] bool is_there(const std::string& name) const { return fs::exists(target_ + "/" + name); }

  TempDir dir_;
  const std::string target_ = dir_ / "out";
};

TEST_F(RecoveryTest, FinishesFromEveryCall) {
  int kills = 0;
  for (int call = 1; half_publish(target_, call); ++call, ++kills) {
    if (!is_there(".brainsurgery-journal")) {
      EXPECT_EQ(files_in(target_), kNew);
    } else {
      EXPECT_NE(error_of([&] { refuse_half_published(posix_env(), target_); }), "no error");
      const Files before = files_in(target_);
      EXPECT_EQ(foreseen_recovery(posix_env(), target_), Recovery::Outcome::finished);
      EXPECT_EQ(files_in(target_), before);
      EXPECT_EQ(recover(posix_env(), target_, false).outcome, Recovery::Outcome::finished);
    }
    EXPECT_EQ(files_in(target_), kNew) << call;
    refuse_half_published(posix_env(), target_);
    EXPECT_EQ(recover(posix_env(), target_, false).outcome, Recovery::Outcome::nothing);
    EXPECT_EQ(posix_env().list(target_).size(), 3U);
    fs::remove_all(target_);
  }
  EXPECT_GT(kills, 10);
}

TEST_F(RecoveryTest, MayBeKilledItself) {
  for (const bool early : {true, false}) {
    for (int fail_at = 1;; ++fail_at) {
      fs::remove_all(target_);
      half_publish_until(target_, [&] { return early || is_there("model-1-of-1"); });
      FaultyEnv env(posix_env(), {.fail_at = fail_at, .dies = true, .syncs = false});
      error_of([&] { recover(env, target_); });
      if (!env.failed()) break;
      recover(posix_env(), target_, false);
      EXPECT_EQ(files_in(target_), kNew) << fail_at;
      EXPECT_EQ(posix_env().list(target_).size(), 3U);
    }
  }
}

TEST_F(RecoveryTest, LaterFilesStopIt) {
  half_publish_until(target_, [&] { return !is_there("model-1-of-2"); });
  write_file(target_ + "/model-1-of-2", "theirs");
  expect_refusal("model-1-of-2", "was changed or put there since");
  fs::remove(target_ + "/model-1-of-2");
  write_file(target_ + "/model-1-of-1", "theirs");
  expect_refusal("model-1-of-1", "was put there since");
  fs::remove(target_ + "/model-1-of-1");
  write_file(target_ + "/unrelated", "theirs");
  EXPECT_EQ(recover(posix_env(), target_, false).outcome, Recovery::Outcome::finished);
  Files expected = kNew;
  expected["unrelated"] = "theirs";
  EXPECT_EQ(files_in(target_), expected);
}

TEST_F(RecoveryTest, ChangedFilesStopIt) {
  half_publish_until(target_, [&] { return is_there(".brainsurgery-journal"); });
  const std::string old = target_ + "/model-2-of-2";
  const auto time = fs::last_write_time(old);
  write_file(old, "OLD 2");  // of the same size
  expect_refusal("model-2-of-2", "was changed or put there since");
  fs::last_write_time(old, time);
  expect_refusal("model-2-of-2", "was changed or put there since");
  write_file(old, "old 2");
  fs::last_write_time(old, time);
  ASSERT_EQ(::chmod(old.c_str(), 0600), 0);  // says nothing of the content
  EXPECT_EQ(recover(posix_env(), target_, false).outcome, Recovery::Outcome::finished);
  EXPECT_EQ(files_in(target_), kNew);
}

TEST_F(RecoveryTest, ARestoredFileIsNotTheOldOne) {
  half_publish_until(target_, [&] { return !is_there("model-1-of-2"); });
  const std::string backup = dir_ / "backup";
  write_file(backup, "old 1");
  fs::rename(backup, target_ + "/model-1-of-2");
  expect_refusal("model-1-of-2", "was changed or put there since");
}

TEST_F(RecoveryTest, ChangedNewFilesStopIt) {
  half_publish_until(target_, [&] { return is_there("model-1-of-1"); });
  write_file(target_ + "/model-1-of-1", "restored");
  expect_refusal("model-1-of-1", "was changed or put there since");
}

TEST_F(RecoveryTest, LostNewFiles) {
  half_publish_until(target_, [&] { return is_there(".brainsurgery-journal"); });
  const auto staging = [&] {
    const auto names = posix_env().list(target_);
    return *std::ranges::find_if(names, [](const std::string& name) { return is_staging_name(name, "", ""); });
  };
  fs::remove(target_ + "/" + staging() + "/model-1-of-1");
  EXPECT_EQ(recover(posix_env(), target_, false).outcome, Recovery::Outcome::rolled_back);
  EXPECT_EQ(files_in(target_), kOld);
  EXPECT_EQ(posix_env().list(target_).size(), 3U);
  fs::remove_all(target_);
  half_publish_until(target_, [&] { return !is_there("model-1-of-2"); });
  const std::string lost = staging() + "/model-1-of-1";
  fs::remove(target_ + "/" + lost);
  expect_refusal(lost, "is missing");
}

// Of a copy nothing but the content can tell.
TEST_F(RecoveryTest, CopiesOfHalfPublishedFolders) {
  const std::string original = dir_ / "original";
  const auto copy = [&](const std::string& to) {
    ASSERT_EQ(std::system(("rm -rf '" + to + "'; cp -a '" + original + "' '" + to + "'").c_str()), 0);
  };
  half_publish_until(original, [&] { return !fs::exists(original + "/model-1-of-2"); });
  copy(target_);
  EXPECT_EQ(recover(posix_env(), target_, false).outcome, Recovery::Outcome::finished);
  EXPECT_EQ(files_in(target_), kNew);
  copy(target_);
  write_file(target_ + "/model-2-of-2", "theirs");
  expect_refusal("model-2-of-2", "was changed or put there since");
}

// A downloaded folder may bring a journal along, and a link in place of the staging folder.
TEST_F(RecoveryTest, FollowsNoLink) {
  half_publish_until(target_, [&] { return is_there(".brainsurgery-journal"); });
  const auto names = posix_env().list(target_);
  const std::string staging =
      *std::ranges::find_if(names, [](const std::string& name) { return is_staging_name(name, "", ""); });
  fs::rename(target_ + "/" + staging, dir_ / "elsewhere");
  fs::create_directory_symlink(dir_ / "elsewhere", target_ + "/" + staging);
  expect_refusal(staging, "is not the directory with the new files");
  EXPECT_EQ(files_in(dir_ / "elsewhere"), kNew);
}

TEST_F(RecoveryTest, JournalsOfOthers) {
  make_directory(target_, kOld);
  const std::string journal = target_ + "/.brainsurgery-journal";
  for (const char* text : {"", "brainsurgery journal 1\nmode in-place\nstaging .brainsurgery-0123abcd\nremove x\nend\n",
                           "brainsurgery journal 2\nmode in-place\n"}) {
    write_file(journal, text);
    EXPECT_NE(error_of([&] { refuse_half_published(posix_env(), target_); }), "no error");
    const std::string message = error_of([&] { recover(posix_env(), target_, false); });
    EXPECT_NE(message.find("is damaged, or of another version"), std::string::npos) << message;
    EXPECT_EQ(files_in(target_), kOld);
  }
  fs::remove(journal);
  fs::create_directory(journal);
  EXPECT_NE(error_of([&] { refuse_half_published(posix_env(), target_); }), "no error");
  EXPECT_NE(error_of([&] { recover(posix_env(), target_, false); }), "no error");
}

// Before the exchange the journal means nothing; behind it only the old folder is left to be cleared.
TEST_F(RecoveryTest, ExchangeFromEveryCall) {
  int swapped = 0;
  for (int call = 1; half_publish(target_, call, true); ++call) {
    refuse_half_published(posix_env(), target_);
    const Files now = files_in(target_);
    EXPECT_TRUE(now == kOld || now == kNew) << call;
    recover(posix_env(), target_, false);
    EXPECT_EQ(files_in(target_), now);
    EXPECT_EQ(posix_env().list(target_).size(), 3U) << call;
    EXPECT_EQ(posix_env().list(dir_.path()).size(), 1U) << call;
    swapped += now == kNew ? 1 : 0;
    fs::remove_all(target_);
  }
  EXPECT_GT(swapped, 0);
}

class SwappedOut : public RecoveryTest {
 protected:
  // The folder that was swapped out of the target, with what `kept` links to.
  std::string swap_out() {
    make_directory(target_, kNew);
    const std::string old = dir_ / ".out.brainsurgery-0123abcd.dir";
    make_directory(old, kOld);
    write_file(target_ + "/kept", "kept");
    write_file(target_ + "/deleted", "deleted by its owner");
    Journal journal;
    journal.mode = Journal::Mode::exchange;
    for (const char* name : {"kept", "deleted"}) {
      fs::create_hard_link(target_ + "/" + name, old + "/" + name);
      journal.keep.push_back(journal_entry(name, *posix_env().status(old + "/" + name)));
    }
    fs::remove(target_ + "/deleted");
    for (const auto& [name, content] : kOld)
      journal.remove.push_back(journal_entry(name, *posix_env().status(old + "/" + name)));
    journal.folder = posix_env().status(old)->inode;
    write_file(old + "/.brainsurgery-journal", to_text(journal));
    return old;
  }
};

TEST_F(SwappedOut, GivesBackWhatAppearedInIt) {
  const std::string old = swap_out();
  write_file(old + "/late", "written while we swapped");
  recover(posix_env(), target_, false);
  Files expected = kNew;
  expected["kept"] = "kept";
  expected["late"] = "written while we swapped";
  EXPECT_EQ(files_in(target_), expected);  // what its owner deleted does not come back
  EXPECT_EQ(posix_env().list(dir_.path()).size(), 1U);
}

TEST_F(SwappedOut, StaysWithWhatOthersChanged) {
  const std::string old = swap_out();
  write_file(old + "/model-1-of-2", "changed while we swapped");
  write_file(old + "/late", "theirs");
  write_file(target_ + "/late", "later");
  EXPECT_EQ(recover(posix_env(), target_, false).kept, std::vector{old});
  EXPECT_EQ(read_file(target_ + "/late"), "later");
  EXPECT_EQ(read_file(old + "/late"), "theirs");
  EXPECT_EQ(read_file(old + "/model-1-of-2"), "changed while we swapped");
}

TEST_F(SwappedOut, PlantedOnesDoNothing) {
  const std::string old = swap_out();
  fs::rename(old, dir_ / "archive");
  ASSERT_EQ(std::system(("cp -a '" + dir_ / "archive" + "' '" + old + "'").c_str()), 0);
  write_file(old + "/evil", "evil");
  const Files before = files_in(target_), planted = files_in(old);
  publish(posix_env(), target_, kNew);
  EXPECT_EQ(files_in(target_), before);
  EXPECT_EQ(files_in(old), planted);
}

TEST_F(RecoveryTest, TakesLinearTime) {
  constexpr int kEntries = 100'000;
  make_directory(target_, {});
  Journal journal;
  journal.folder = 1;
  journal.staging = ".brainsurgery-0123abcd";
  for (int i = 0; i < kEntries; ++i) {
    journal.remove.push_back({"y" + std::to_string(i)});
    journal.install.push_back({"z" + std::to_string(i)});
  }
  write_file(target_ + "/.brainsurgery-journal", to_text(journal));
  EXPECT_NE(error_of([&] { recover(posix_env(), target_, false); }).find("is missing"), std::string::npos);
}

JournalEntry entry(const std::string& name) { return {name, 7, 1, -2, 3, "ab"}; }

TEST(Journal, RoundTripAndRefusals) {
  Journal journal;
  journal.folder = 5;
  journal.staging = ".brainsurgery-0123abcd";
  journal.staging_inode = 18446744073709551615U;
  journal.remove = {entry("a b"), entry("50%\n")};
  journal.install = {entry("\u00e9\t"), entry("end")};
  EXPECT_EQ(parse_journal(to_text(journal)), journal);
  Journal exchange;
  exchange.mode = Journal::Mode::exchange;
  exchange.remove = {entry("x")};
  exchange.keep = {entry("y")};
  EXPECT_EQ(parse_journal(to_text(exchange)), exchange);
  const std::string text = to_text(journal);
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_EQ(parse_journal(text.substr(0, size)), std::nullopt);
  const std::string head = "brainsurgery journal 2\nmode exchange\n";
  EXPECT_TRUE(parse_journal(head + "end\n").has_value());
  for (const char* line :
       {"remove 1 2 3 4 - ..", "remove 1 2 3 4 - a/b", "remove 1 2 3 4 - ", "remove", "remove 1 2 3 4 - %2e%2e",
        "remove 1 2 3 4 - a%2fb", "remove 1 2 3 4 - %00", "remove 1 2 3 4 - %zz", "remove 1 2 3 - x",
        "remove -1 2 3 4 - x", "remove 1 2 3 4 x", "staging 1 x", "staging 1 .brainsurgery-0123abcd/..", "mode other",
        "folder 1 x", "what x", "end\nend", ""}) {
    EXPECT_EQ(parse_journal(head + line + "\nend\n"), std::nullopt) << line;
  }
}

}  // namespace
}  // namespace brainsurgery
