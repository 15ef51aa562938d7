// What happens in the session, for all who listen: numbered messages that wait for their readers for a while.
//
//   stream.send("changed", {{"revision", 3}});
//   while (auto messages = stream.after(number, timeout)) ...    // in a thread for each listener
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "web/json.h"

namespace brainsurgery::web {

struct Message {
  std::uint64_t number;
  std::string kind;
  std::string data;  // JSON
};

// All functions may be called from several threads.
class EventStream {
 public:
  void send(std::string kind, const Json& data);
  // The number of the last message.
  [[nodiscard]] std::uint64_t last() const;
  // Those behind `number`; waits for one. None: the time is over. nullopt: there will be no more.
  [[nodiscard]] std::optional<std::vector<Message>> after(std::uint64_t number, std::chrono::milliseconds timeout);
  void close();

 private:
  static constexpr std::size_t kKept = 1000;

  mutable Mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Message> messages_ BS_GUARDED_BY(mutex_);
  std::uint64_t last_ BS_GUARDED_BY(mutex_) = 0;
  bool closed_ BS_GUARDED_BY(mutex_) = false;
};

}  // namespace brainsurgery::web
