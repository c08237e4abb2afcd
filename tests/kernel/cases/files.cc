// SPDX-License-Identifier: Apache-2.0
// Acts on files, and on what has no name in the file system.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "acts.h"

namespace actor {
namespace {

// A process that this one started; it ends with it.
std::string descendant() {
  int kept[2];
  if (pipe2(kept, O_CLOEXEC) != 0) return "0";
  const pid_t child = fork();
  if (child == 0) {
    close(kept[1]);
    char byte;
    _exit(read(kept[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(kept[0]);
  return std::to_string(child);
}

// A new object without a name; -1 where it could not be opened anew.
int nameless(const std::string& kind) {
  int ends[2];
  if (kind == "{pipe}" && pipe2(ends, O_CLOEXEC) == 0) return ends[1];
  if (kind == "{memfd}") return memfd_create("cases", MFD_CLOEXEC);
  return -1;
}

// The path by which the object is opened; "" where there is none.
std::string path_of(const char* object) {
  std::string path = object;
  if (path == "{nsfs}") return "/proc/self/ns/uts";
  if (path[0] == '{') {
    const int fd = nameless(path);
    return fd < 0 ? "" : "/proc/self/fd/" + std::to_string(fd);
  }
  const std::pair<const char*, std::string (*)()> whose[] = {
      {"{own}", [] { return std::to_string(getpid()); }},
      {"{descendant}", descendant},
      {"{workload}", [] { return std::to_string(getppid()); }},
      {"{other}", [] { return std::string("1"); }},
  };
  for (const auto& [word, pid] : whose)
    if (const size_t at = path.find(word); at != std::string::npos) path.replace(at, std::strlen(word), pid());
  return path;
}

constexpr char kUnnamed[] = "/{tmpfile}";

int open_unnamed(std::string path, int flags) {
  path.resize(path.size() - std::strlen(kUnnamed));
  return open(path.c_str(), flags | O_TMPFILE | O_CLOEXEC, 0600);
}

// An overlay has them from 6.2 on.
int no_unnamed() {
  return errno == EOPNOTSUPP ? cannot("the actor cannot make unnamed files on this kernel's overlay") : answer(-1);
}

int open_object(const char* object, int flags) {
  std::string path = path_of(object);
  if (path.empty()) return cannot("the actor has no such object to open");
  if (path.ends_with(kUnnamed)) {
    if ((flags & O_ACCMODE) == O_RDONLY) return cannot("the actor cannot: an unnamed file is opened for writing");
    return open_unnamed(path, flags) < 0 ? no_unnamed() : 0;
  }
  return answer(open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600));
}

int read_file(const char* object) { return open_object(object, O_RDONLY); }
int write_file(const char* object) { return open_object(object, O_WRONLY); }
int append_file(const char* object) { return open_object(object, O_WRONLY | O_APPEND); }
int read_and_write(const char* object) { return open_object(object, O_RDWR); }
int read_and_append(const char* object) { return open_object(object, O_RDWR | O_APPEND); }
int write_and_append(const char* object) { return open_object(object, O_WRONLY | O_APPEND | O_TRUNC); }
int list(const char* object) { return open_object(object, O_RDONLY | O_DIRECTORY); }

// By mknod, which opens nothing.
int create_file(const char* path) {
  if (path[0] == '{' || std::string(path).ends_with(kUnnamed)) return cannot("the actor cannot make what has no name");
  return answer(mknod(path, S_IFREG | 0600, 0));
}
int make_fifo(const char* path) { return answer(mknod(path, S_IFIFO | 0600, 0)); }
int make_directory(const char* path) { return answer(mkdir(path, 0700)); }
int make_link(const char* path) { return answer(symlink("/nowhere", path)); }

int remove(const char* path) {
  const int result = unlink(path);
  return answer(result != 0 && errno == EISDIR ? rmdir(path) : result);
}

int set_attributes(const char* object) {
  std::string path = object;
  if (path[0] == '{') {
    const int fd = nameless(path);
    return fd < 0 ? cannot("the actor has no such object to change") : answer(fchmod(fd, 0600));
  }
  if (!path.ends_with(kUnnamed)) return answer(chmod(object, 0600));
  const int fd = open_unnamed(path, O_RDWR);
  return fd < 0 ? no_unnamed() : answer(fchmod(fd, 0640));
}

int map(const char* object) {
  const int fd = object[0] == '{' ? nameless(object) : open(path_of(object).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && object[0] == '{') return cannot("the actor has no such object to map");
  if (fd < 0) return cannot("it cannot be opened for reading");
  return answer(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
}

int connect_unix(const char* object) {
  constexpr char kAbstract[] = "{abstract}/";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name = object;
  if (name.starts_with(kAbstract)) name = std::string(1, '\0') + name.substr(std::strlen(kAbstract));
  if (name.size() >= sizeof address.sun_path) return cannot("the path is too long for a socket");
  std::memcpy(address.sun_path, name.data(), name.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return refused(-1) != 0 ? errno : cannot("no socket");
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '\0' ? 0 : 1));
  return refused(connect(fd, reinterpret_cast<sockaddr*>(&address), size));
}

// What is executed is this program again, or a shell: with nothing to read both end at once.
int execute(const char* path) {
  char* const arguments[] = {const_cast<char*>(path), nullptr};
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) return cannot("no pipe");
  close(in[1]);
  const pid_t child = fork();
  if (child == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execve(path, arguments, nullptr);
    _exit(errno == EACCES || errno == EPERM ? errno : 100);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 42 || code == 0) return 0;  // this program with nothing to read, or a shell that is not
  if (code == EACCES || code == EPERM) return code;
  return cannot(WIFSIGNALED(status) ? "it was killed" : "it could not be executed");
}

}  // namespace

Acts file_acts() {
  return {{"read", read_file},
          {"write", write_file},
          {"append", append_file},
          {"read,write", read_and_write},
          {"read,append", read_and_append},
          {"write,append", write_and_append},
          {"create", create_file},
          {"mknod", make_fifo},
          {"mkdir", make_directory},
          {"link", make_link},
          {"setattr", set_attributes},
          {"list", list},
          {"delete", remove},
          {"map", map},
          {"connect", connect_unix},
          {"exec", execute}};
}

}  // namespace actor
