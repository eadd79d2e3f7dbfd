// schema.hpp - The numbered SQL that makes the database what this server knows, as it lies in the binary.
#pragma once

#include <span>
#include <string_view>

namespace deskd {

struct SchemaFile {
  std::string_view name;  // NNNN_what; file n is number n
  std::string_view sql;
};

std::span<const SchemaFile> schema_files();

}  // namespace deskd
