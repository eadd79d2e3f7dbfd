# embed.cmake - The numbered SQL of storage/schema becomes a part of the binary: one generated .cpp with a table of them.
#
# Included where the target `storage` is made. A file that changes, comes or goes makes CMake run again.
file(GLOB schema_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/storage/schema/[0-9]*.sql)
list(SORT schema_files)
set(schema_rows "")
foreach(file ${schema_files})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} sql)
  string(APPEND schema_rows "    {\"${name}\", R\"=====(${sql})=====\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/storage_schema.cpp @ONLY CONTENT
"// Made by storage/embed.cmake.
#include \"storage/schema.hpp\"

namespace deskd {
namespace {
constexpr SchemaFile files[]{
@schema_rows@};
}  // namespace
std::span<const SchemaFile> schema_files() { return files; }
}  // namespace deskd
")
target_sources(storage PRIVATE ${CMAKE_BINARY_DIR}/storage_schema.cpp)
