#include "base/interruptible_input.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <istream>
#include <string>
#include <thread>

#include "base/interrupt.h"
#include "support/signals.h"

namespace brainsurgery {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends.data()), 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  void write(const std::string& text) const { EXPECT_EQ(::write(ends[1], text.data(), text.size()), std::ssize(text)); }
  std::array<int, 2> ends{};
};

TEST(InterruptibleInput, ReadsWhatComesUntilTheEnd) {
  Pipe pipe;
  InterruptibleInput buffer(pipe.ends[0]);
  std::istream in(&buffer);
  std::thread writer([&] {
    pipe.write("one\ntw");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pipe.write("o\nlast");
    close(std::exchange(pipe.ends[1], -1));
  });
  std::string text;
  for (std::string line; std::getline(in, line);) text += line + "|";
  writer.join();
  EXPECT_EQ(text, "one|two|last|");
}

TEST(InterruptibleInput, ASignalEndsTheWaitAndNotTheStream) {
  Pipe pipe;
  InterruptibleInput buffer(pipe.ends[0]);
  std::istream in(&buffer);
  const testing::Signals signals;
  std::thread killer([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(getpid(), SIGINT);
  });
  std::string line;
  EXPECT_FALSE(std::getline(in, line));
  killer.join();
  EXPECT_TRUE(take_ctrl_c());
  EXPECT_FALSE(take_ctrl_c());
  in.clear();
  pipe.write("more\n");
  EXPECT_TRUE(std::getline(in, line));
  EXPECT_EQ(line, "more");
}

}  // namespace
}  // namespace brainsurgery
