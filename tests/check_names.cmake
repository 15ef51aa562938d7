# No front end, nothing that describes the language and nothing that performs a plan knows a step or an operator by its name:
# what they do, show and offer follows from the schemas. Looks for string literals that are such a name; the names are those of
# the reference pages. Below the front ends no message begins with one, either, and a step is named in its own file alone.
# Nothing between the kernels and the steps knows an elementwise operation by its name.
#
#   cmake -DROOT=<source tree> -P check_names.cmake
cmake_minimum_required(VERSION 3.25)

set(names "")
foreach(chapter IN ITEMS transforms predicates)
  file(GLOB pages RELATIVE ${ROOT}/docs/${chapter} ${ROOT}/docs/${chapter}/*.md)
  list(REMOVE_ITEM pages README.md)
  list(TRANSFORM pages REPLACE "\\.md$" "")
  list(APPEND names ${pages})
endforeach()

# The command line has commands of these names too.
set(allowed_in_cli help diff)
# A word of the prompt, too.
set(allowed_in_repl help)
# Words of dumps and differences, which are no steps and no operators there; and the command line's help, again.
set(allowed_in_describe shape dtype reads writes min max mean help)
# Facts about tensors, words of forms, and a kind of axis.
set(allowed_in_web shape dtype min max mean count reads writes linear tied)
# Words of other tools in hints, and keys.
set(allowed_in_plan scale shape dtype min max save set all metadata any tied)
# Words of explanations, operations, and names of expressions.
set(allowed_in_session matmul cast save metadata config shape dtype tied)

# What a run shows of a tensor is formulas, as steps have them.
set(formulas "^src/session/tensor_(picture|profile)[.]cpp$")

set(problems "")
set(looked_at 0)
foreach(room IN ITEMS cli repl web describe plan steps session)
  file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/src/${room}/*.h ${ROOT}/src/${room}/*.cpp ${ROOT}/src/${room}/*.js)
  list(FILTER sources EXCLUDE REGEX "${formulas}")
  foreach(source IN LISTS sources)
    math(EXPR looked_at "${looked_at} + 1")
    set(pattern "[\"'`][a-z_]+[\"'`]")
    if(room MATCHES "^(plan|steps|session)$")
      set(pattern "[\"'`][a-z_]+([\"'`]|: |[.][a-z])")
    endif()
    file(STRINGS ${ROOT}/${source} lines REGEX "${pattern}")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "//.*" "" line "${line}")
      string(REGEX MATCHALL "${pattern}" literals "${line}")
      foreach(literal IN LISTS literals)
        string(REGEX REPLACE "^.([a-z_]+).*" "\\1" word "${literal}")
        if(word IN_LIST names AND NOT word IN_LIST allowed_in_${room})
          string(APPEND problems "  ${source}: knows '${word}' by name\n")
        endif()
      endforeach()
    endforeach()
  endforeach()
endforeach()

# Of steps whose names are no words of something else: the one file that names each.
foreach(name IN ITEMS execute move assert load prefixes phlora)
  file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/src/*.h ${ROOT}/src/*.cpp)
  set(naming "")
  foreach(source IN LISTS sources)
    file(STRINGS ${ROOT}/${source} lines REGEX "^[^/]*\"${name}\"")
    if(lines)
      list(APPEND naming ${source})
    endif()
  endforeach()
  list(LENGTH naming count)
  if(count GREATER 1)
    string(APPEND problems "  '${name}' is named by more than its own file: ${naming}\n")
  endif()
endforeach()

# Rows of the table of elementwise operations are named by kernels, which perform them, and by the steps, operators and formulas
# that a user writes. Whoever else needs one has it handed over.
file(STRINGS ${ROOT}/src/kernels/operations.cpp rows REGEX "^    {\"[a-z0-9_]+\", \"")
list(TRANSFORM rows REPLACE "^    {\"([a-z0-9_]+)\".*" "\\1")
set(graph_may_name cast)  # its constructor folds casts that change nothing
list(LENGTH rows row_count)
file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/src/*.h ${ROOT}/src/*.cpp)
list(FILTER sources EXCLUDE REGEX "^src/(kernels|transforms|merging|formula|lowering|predicates)/|${formulas}")
foreach(source IN LISTS sources)
  string(REGEX REPLACE "^src/([a-z]+).*" "\\1" room ${source})
  set(pattern "operation\\(\"[a-z0-9_]+\"")
  if(room MATCHES "^(base|types|graph|planner|exec)$")
    set(pattern "\"[a-z0-9_]+\"")  # these have no words of the language
  endif()
  file(STRINGS ${ROOT}/${source} lines REGEX "${pattern}")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "//.*" "" line "${line}")
    string(REGEX MATCHALL "${pattern}" literals "${line}")
    foreach(literal IN LISTS literals)
      string(REGEX REPLACE ".*\"([a-z0-9_]+)\"$" "\\1" word "${literal}")
      if(word IN_LIST rows AND NOT word IN_LIST ${room}_may_name)
        string(APPEND problems "  ${source}: knows the operation '${word}' by name\n")
      endif()
    endforeach()
  endforeach()
endforeach()
if(row_count LESS 30)
  string(APPEND problems "  nothing to check: ${row_count} operations\n")
endif()

list(LENGTH names name_count)
if(name_count LESS 30 OR looked_at EQUAL 0)
  string(APPEND problems "  nothing to check: ${name_count} names, ${looked_at} sources\n")
endif()
if(problems)
  message(FATAL_ERROR "steps are known from their schemas, operations from their rows:\n${problems}")
endif()
message(STATUS "names: ${looked_at} sources know none of ${name_count} names, no others one of ${row_count} operations")
