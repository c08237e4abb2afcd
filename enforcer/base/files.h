// SPDX-License-Identifier: Apache-2.0
//
// Whole files, with limits: what is read has a bound, what is written appears at once or not at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <sys/types.h>

#include <vector>

#include "policy-compiler/support/result.h"

namespace treeline {

// The whole file; more than `limit` bytes is an error. Works for procfs and sysfs (sizes are not believed).
Result<std::string> read_file(const std::string& path, size_t limit = 1 << 20);
// A file that only root can have written, where this is root: a regular one, root's, that nobody else may write. Looked at and read by one open.
Result<std::string> read_guarded_file(const std::string& path, size_t limit = 1 << 20);
// "" on any error: for facts whose absence is an answer of its own.
std::string read_file_or_empty(const std::string& path, size_t limit = 1 << 20);
// Temporary file beside the target, fsync, rename, fsync of the directory: the target is the old or the new content, never a part, and after a power cut the
// new one. An Error of that last flush leaves the new content in place.
Result<void> write_file_atomically(const std::string& path, std::string_view content, mode_t mode = 0600);
// So that a file that was made in, renamed in or removed from its directory is so after a power cut, too.
Result<void> flush_directory_of(const std::string& path);
// Removes what write_file_atomically had begun in a directory, NAME.json.x1y2z3, when its process died.
void remove_begun(const std::string& directory);
// mkdir -p; what is made gets `mode`. A component that is no directory is an error.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);
// A directory of root's that no one else can write: what the daemon stores and listens in. Made if missing.
Result<void> require_private_directory(const std::string& path, mode_t mode = 0700);
// Removes a directory of plain files (one level); missing is success.
Result<void> remove_flat_directory(const std::string& path);

// What a directory holds, sorted, without . and .. An Error is not an empty directory: one that is missing is ENOENT, and the caller says what that means.
Result<std::vector<std::string>> names_in(const std::string& directory);

std::string trim(std::string_view text);
// "WHAT: strerror(code)"
Error system_error(const std::string& what, int code);

}  // namespace treeline
