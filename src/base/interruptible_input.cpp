#include "base/interruptible_input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "base/interrupt.h"

namespace brainsurgery {
namespace {

// A signal may arrive between the look at the flag and the wait, or in another thread: then it is noticed after this.
constexpr int kLookMilliseconds = 200;

bool wait_for_input(int descriptor) {
  pollfd wanted{descriptor, POLLIN, 0};
  while (!interrupted()) {
    const int ready = poll(&wanted, 1, kLookMilliseconds);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
  return false;
}

}  // namespace

InterruptibleInput::int_type InterruptibleInput::underflow() {
  ssize_t count = -1;
  do {
    if (!wait_for_input(descriptor_)) return traits_type::eof();
    count = read(descriptor_, buffer_.data(), buffer_.size());
  } while (count < 0 && (errno == EINTR || errno == EAGAIN));
  if (count <= 0) return traits_type::eof();
  setg(buffer_.data(), buffer_.data(), buffer_.data() + count);
  return traits_type::to_int_type(buffer_.front());
}

}  // namespace brainsurgery
