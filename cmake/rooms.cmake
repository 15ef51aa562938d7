# The rooms of the house and who may include whom: the only copy of this table. It links one static library per room, and
# tests/check_rooms.cmake holds every #include against it. Only downward; a room may use what its rooms use.

# room:rooms it may include
set(BS_ROOMS
  "base:"
  "types:base"
  "kernels:types base"
  "publish:base"
  "formats:types publish base"
  "formula:base"
  "plan:formula types base"
  "recipes:base"
  "graph:kernels types base"
  "documents:graph kernels types base"
  "lowering:formula graph kernels types base"
  "steps:documents plan graph kernels types base"
  "transforms:steps lowering formula plan graph kernels types base"
  "merging:steps documents lowering formula plan graph kernels types base"
  "predicates:steps plan graph kernels types base"
  "describe:plan graph kernels types base"
  "commands:steps describe documents plan graph kernels types base"
  "planner:graph kernels types base"
  "exec:planner graph kernels types base"
  "session:exec planner transforms merging predicates commands steps describe recipes publish formats documents plan graph kernels types base"
  "repl:session types base"
  "web:session describe types base"
  "cli:web repl session types base")

# public header:room whose promise it is
set(BS_PUBLIC_HEADERS
  "error:base" "env:base" "events:base" "byte_counts:base" "cancellation:base"
  "types:types" "operation:kernels" "reducer:kernels" "row_table:kernels"
  "checkpoint:formats" "format:formats"
  "completion:describe" "config:plan" "tensor_ref:plan" "role:plan" "field_type:plan" "schema:plan"
  "delta:graph" "values:graph" "expr:graph" "name_map:graph" "workspace:graph" "check:graph" "data_source:graph"
  "name_scope:steps" "query_scope:steps" "step:steps" "predicate:predicates"
  "registries:session" "run:session" "session:session" "tensor_look:session" "command_line:cli")

# third-party include prefix:rooms that may use it
set(BS_FOREIGN_HEADERS
  "yaml-cpp/:plan" "re2/:plan" "pcre2:plan"
  "nlohmann/:describe cli web"
  "httplib.h:web"
  "openssl/:base"
  "histedit.h:repl"
  "filesystem:"  # its functions throw what nobody translates: Env has all that is needed
  "zlib.h:formats exec" "fnmatch.h:formats"
  "fmt/:base types kernels publish formats formula plan recipes graph documents lowering steps transforms merging predicates describe commands planner exec session repl web cli"
  "CLI/:cli" "spdlog/:cli"
  "torch/:dense" "ATen/:dense"
  "immintrin.h:kernels" "cpuid.h:kernels")
