# SPDX-License-Identifier: Apache-2.0
# decide.h against evaluate(), and copies of decide.h with one fault each (faults.txt) as modules that faults_test.cc loads.
set(decide_dir ${CMAKE_CURRENT_LIST_DIR})
add_library(decide_test_support STATIC ${decide_dir}/constructs.cc ${decide_dir}/decisions.c ${decide_dir}/differential.cc ${decide_dir}/random_policy.cc)
target_compile_options(decide_test_support PRIVATE $<$<CONFIG:Debug>:-O1>)
target_link_libraries(decide_test_support PUBLIC treeline_flags treeline_backend_bpf treeline_passes treeline_ir)

add_executable(plant_fault ${decide_dir}/plant_fault.cc)
target_link_libraries(plant_fault PRIVATE treeline_flags)
set(contract ${PROJECT_SOURCE_DIR}/bpf/lsm/decide.h)
set(faults ${CMAKE_CURRENT_BINARY_DIR}/decide_faults)
file(STRINGS ${decide_dir}/faults.txt names REGEX "^== ")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${decide_dir}/faults.txt)
add_library(decide_faults INTERFACE)
target_compile_definitions(decide_faults INTERFACE DECIDE_FAULTS="${faults}" DECIDE_FAULTS_LIST="${decide_dir}/faults.txt")
target_link_libraries(decide_faults INTERFACE ${CMAKE_DL_LIBS})
foreach(name ${names})
  string(REPLACE "== " "" name "${name}")
  set(patched ${faults}/${name}/bpf/lsm/decide.h)
  add_custom_command(OUTPUT ${patched}
    COMMAND plant_fault ${contract} ${decide_dir}/faults.txt ${name} ${patched}
    DEPENDS plant_fault ${contract} ${decide_dir}/faults.txt VERBATIM)
  add_library(decide_fault_${name} MODULE ${decide_dir}/decisions.c ${patched})
  # The copy is found before the contract; abi.h, which it includes beside itself, is linked there.
  target_include_directories(decide_fault_${name} BEFORE PRIVATE ${faults}/${name})
  target_link_libraries(decide_fault_${name} PRIVATE treeline_flags)
  target_compile_options(decide_fault_${name} PRIVATE -w)  # a fault leaves parameters unused
  set_target_properties(decide_fault_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${faults})
  add_dependencies(decide_faults decide_fault_${name})
endforeach()
if(NOT TARGET bench_policies)
  add_library(bench_policies STATIC ${PROJECT_SOURCE_DIR}/tests/bench/compile/policies.cc)
  target_link_libraries(bench_policies PUBLIC treeline_ir)
endif()
list(APPEND needs decide_test_support decide_faults bench_policies treeline_frontend)
