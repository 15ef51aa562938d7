// A file descriptor as a stream that an interruption ends.
//
//   InterruptibleInput buffer(STDIN_FILENO);
//   std::istream in(&buffer);
//   std::getline(in, line);   // fails at the end, and once interrupted() holds; in.clear() goes on
//
// std::cin would not do: it reads on after a signal. For one thread.
#pragma once

#include <array>
#include <streambuf>

namespace brainsurgery {

class InterruptibleInput final : public std::streambuf {
 public:
  // Does not own the descriptor.
  explicit InterruptibleInput(int descriptor) : descriptor_(descriptor) {}

 protected:
  int_type underflow() override;

 private:
  int descriptor_;
  std::array<char, 1 << 16> buffer_;
};

}  // namespace brainsurgery
