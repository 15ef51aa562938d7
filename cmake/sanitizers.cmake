set(BS_SANITIZE "" CACHE STRING "Sanitizers to build with: 'address,undefined' or 'thread'; empty for none")
if(BS_SANITIZE)
  add_compile_options(-fsanitize=${BS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BS_SANITIZE})
endif()

# Coverage for libFuzzer, and the sanitizers that make findings of what would pass unseen; the targets link the engine.
if(BS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
