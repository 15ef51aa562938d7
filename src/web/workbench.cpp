#include "web/workbench.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"
#include "describe/event_json.h"

namespace brainsurgery::web {
namespace {

SessionOptions own_cancellation(SessionOptions options) {
  options.cancellation = std::make_shared<Cancellation>();
  return options;
}

}  // namespace

Workbench::Workbench(Env& env, const Registries& registries, SessionOptions options, EventStream& stream,
                     Place place)
    : env_(env), place_(std::move(place)), stream_(stream), session_(env, *this, own_cancellation(std::move(options)), registries) {}

void Workbench::start(const PlanSource& plan) {
  run_ = taken(session_.start(plan, [this](const std::string&) {
    question_.asked = true;
    return question_.answer.value_or(false);
  }));
}

const std::vector<TensorInfo>& Workbench::tensors(Run& run, const std::string& alias) {
  const auto known = tensors_.find(alias);
  if (known != tensors_.end()) return known->second;
  const std::vector<std::string> aliases = taken(run.aliases());
  if (std::ranges::find(aliases, alias) == aliases.end())
    throw Error(ErrorCode::plan, fmt::format("there is no model '{}'", alias), {}, did_you_mean(alias, aliases));
  return tensors_.emplace(alias, taken(run.tensors(alias))).first->second;
}

std::optional<std::string> Workbench::path_of(const std::string& alias) const {
  const auto found = paths_.find(alias);
  return found == paths_.end() ? std::nullopt : std::optional(found->second);
}

Json Workbench::progress() const { return {{"bytes_done", done_bytes_.load()}, {"bytes_total", total_bytes_.load()}}; }

void Workbench::announce() noexcept {
  tensors_.clear();
  ++revision_;
  try {
    stream_.send("changed", {{"revision", revision_.load()}});
  } catch (const std::exception&) {  // out of memory: pages ask again at the next message
  }
}

void Workbench::on(const Event& event) {
  if (silent_) return;
  if (const auto* opened = std::get_if<events::InputOpened>(&event)) paths_[opened->alias] = opened->path;
  if (const auto* printed = std::get_if<events::Printed>(&event)) output_ += printed->text;
  if (const auto* warning = std::get_if<events::Warning>(&event)) output_ += to_string(warning->diagnostic);
  if (const auto* progress = std::get_if<events::Progress>(&event)) {
    done_bytes_ = progress->bytes_done;
    total_bytes_ = progress->bytes_total;
    constexpr std::chrono::milliseconds kEvery(100);
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < kEvery && progress->bytes_done != progress->bytes_total) return;
    told_ = now;
  }
  const auto json = json_of(event);
  stream_.send(json["event"].get<std::string>(), json);
}

}  // namespace brainsurgery::web
