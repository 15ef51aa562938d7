#include "web/event_stream.h"

#include <utility>

namespace brainsurgery::web {

void EventStream::send(std::string kind, const Json& data) {
  {
    const MutexLock lock(mutex_);
    messages_.push_back({++last_, std::move(kind), text_of(data)});
    if (messages_.size() > kKept) messages_.pop_front();
  }
  arrived_.notify_all();
}

std::uint64_t EventStream::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

std::optional<std::vector<Message>> EventStream::after(std::uint64_t number, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  const MutexLock lock(mutex_);
  while (!closed_ && last_ <= number) {
    if (arrived_.wait_until(mutex_, end) == std::cv_status::timeout) break;
  }
  if (closed_) return std::nullopt;
  std::vector<Message> messages;
  for (const Message& message : messages_) {
    if (message.number > number) messages.push_back(message);
  }
  return messages;
}

void EventStream::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
}

}  // namespace brainsurgery::web
