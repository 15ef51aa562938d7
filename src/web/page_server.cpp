#include "web/page_server.h"

#include "brainsurgery/env.h"
#include "web/endpoints.h"

namespace brainsurgery::web {
namespace {

struct Silence final : EventSink {
  void on(const Event&) override {}
};

}  // namespace

void serve_page(const PageOptions& options, const PlanSource& plan, const SessionOptions& session,
                const Registries& registries, const Cancellation& cancellation,
                const std::function<void(const std::string& url)>& ready) {
  const std::unique_ptr<Env> env = rooted_env(options.root);
  Silence silence;
  Session reader(*env, silence, session, registries);
  for (const std::string& path : options.checkpoints) static_cast<void>(taken(reader.inspect_text(path, false)));
  EventStream stream;
  Workbench bench(*env, registries, session, stream, {env->real_path("."), options.server.read_only});
  bench.start(plan);
  Server server(options.server, endpoints(bench, registries), stream, *env);
  ready(server.url());
  server.serve(cancellation, [&bench] { bench.end(); });
}

}  // namespace brainsurgery::web
