// migrate.hpp - The schema: bringing it up to date, and refusing to serve on one that this server does not know.
//
// The SQL lies in storage/schema/NNNN_name.sql and is embedded in the binary. Each file is one transaction together
// with its row in schema_version, under an advisory lock: killed at any moment, the database is at one version or the
// next. Migrating takes the owner's role. Serving takes the role deskd_server, which can neither change the schema nor
// delete.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "storage/recovery.hpp"

namespace deskd {

// The version that this binary writes and reads.
int schema_version_known();

// Brings the schema to schema_version_known(), telling each version before it is applied. Owner's connection. Does
// nothing when it is there already; throws StorageError when the database is newer than this binary, or on any failure.
void migrate(const std::string& connection, const std::function<void(std::string_view)>& tell = {});

// What stands against serving on this database, in sentences for the person who starts the server; empty: nothing.
// Throws StorageError when the database cannot be asked. `without_full_page_writes` is the named override for managed
// databases whose disks do not tear pages.
std::vector<std::string> check_database(const std::string& connection, bool without_full_page_writes = false);

// Makes the weekly partitions of `now` and the two weeks after it, where they are missing. Called at start and once a
// day by the server's role (the schema lends it the right). Returns the partitions that should worry somebody, by name: a
// default one that rows fell into, or one that could not be made. Blocks for milliseconds; throws StorageError.
std::vector<std::string> make_partitions(const std::string& connection, Instant now);

}  // namespace deskd
