// SPDX-License-Identifier: Apache-2.0
//
// Acts by io_uring, by a program whose profile grants it rings and little else. The last argument says who does the
// work: nothing, the caller; `async`, a worker thread (IOSQE_ASYNC); `polled`, a thread that takes it from the ring
// without a system call (IORING_SETUP_SQPOLL); `lent`, whoever, under credentials that the ring was given
// (IORING_REGISTER_PERSONALITY).
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/victims/peer.h"
#include "tests/victims/scene.h"

namespace victim {
namespace {

constexpr int kFtruncate = 55, kBind = 56, kListen = 57;  // linux/io_uring.h of 6.9 and 6.11

template <typename T>
uint64_t address_of(const T* thing) {
  return reinterpret_cast<uint64_t>(thing);
}

class Ring {
 public:
  explicit Ring(const std::string& way) : way_(way) {
    io_uring_params p{};
    if (way_ == "polled") p.flags = IORING_SETUP_SQPOLL, p.sq_thread_idle = 1000;
    fd = static_cast<int>(syscall(SYS_io_uring_setup, 4, &p));
    if (fd < 0) return;
    submitted_ = map(p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    completed_ = map(p.cq_off.cqes + p.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ =
        static_cast<io_uring_sqe*>(static_cast<void*>(map(p.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES)));
    parameters_ = p;
    if (way_ != "lent") return;
    personality_ = static_cast<int>(syscall(SYS_io_uring_register, fd, IORING_REGISTER_PERSONALITY, nullptr, 0));
    prctl(PR_SET_KEEPCAPS, 1);  // new credentials, equal to the old: those of the ring are now others
  }

  // The operation's result: not negative, or -1 and errno.
  int run(io_uring_sqe entry) {
    if (fd < 0) return -1;
    if (way_ == "async") entry.flags |= IOSQE_ASYNC;
    if (personality_ > 0) entry.personality = static_cast<uint16_t>(personality_);
    const unsigned tail = *at(submitted_, parameters_.sq_off.tail),
                   mask = *at(submitted_, parameters_.sq_off.ring_mask);
    entries_[tail & mask] = entry;
    at(submitted_, parameters_.sq_off.array)[tail & mask] = tail & mask;
    __atomic_store_n(at(submitted_, parameters_.sq_off.tail), tail + 1, __ATOMIC_SEQ_CST);
    const unsigned how = IORING_ENTER_GETEVENTS | (way_ == "polled" ? IORING_ENTER_SQ_WAKEUP : 0u);
    if (syscall(SYS_io_uring_enter, fd, 1, 1, how, nullptr, 0) < 0) return -1;
    unsigned* head = at(completed_, parameters_.cq_off.head);
    if (__atomic_load_n(at(completed_, parameters_.cq_off.tail), __ATOMIC_ACQUIRE) == *head) return errno = EAGAIN, -1;
    io_uring_cqe done{};
    std::memcpy(
        &done,
        completed_ + parameters_.cq_off.cqes + (*head & *at(completed_, parameters_.cq_off.ring_mask)) * sizeof done,
        sizeof done);
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    if (done.res >= 0) return done.res;
    errno = -done.res;
    return -1;
  }

  int fd = -1;

 private:
  char* map(size_t size, off_t what) const {
    return static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what));
  }
  static unsigned* at(char* ring, unsigned offset) { return static_cast<unsigned*>(static_cast<void*>(ring + offset)); }

  std::string way_;
  int personality_ = 0;
  io_uring_params parameters_{};
  char *submitted_ = nullptr, *completed_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
};

io_uring_sqe operation(int code, int fd) {
  io_uring_sqe entry{};
  entry.opcode = static_cast<uint8_t>(code);
  entry.fd = fd;
  return entry;
}

// Of two names, or of one. The kernel reads them when the operation runs: they have to be there still.
io_uring_sqe on_names(int code, const std::string& from, const std::string& to) {
  io_uring_sqe entry = operation(code, AT_FDCWD);
  entry.addr = address_of(from.c_str());
  if (to.empty()) return entry;
  entry.len = static_cast<uint32_t>(AT_FDCWD);
  entry.off = address_of(to.c_str());
  return entry;
}

sockaddr_in peer(const std::string& host, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &a.sin_addr);
  return a;
}

int opened(Ring& ring, const std::string& path) { return ring.run(on_names(IORING_OP_OPENAT, path, "")); }

void ring_open(const Scene& s) {
  Ring ring(s.argument(0));
  const int fd = opened(ring, s.file("secret"));
  tell(fd >= 0 && reads_fd(fd), "a secret by a ring");
}
void ring_open_allowed(const Scene& s) {
  Ring ring(s.argument(0));
  const int fd = opened(ring, s.file("page.html"));
  tell(fd >= 0 && reads_fd(fd), "the page by a ring");
}
void ring_open2(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string secret = s.file("secret");
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC;
  io_uring_sqe entry = on_names(IORING_OP_OPENAT2, secret, "");
  entry.len = sizeof how;
  entry.off = address_of(&how);
  const int fd = ring.run(entry);
  tell(fd >= 0 && reads_fd(fd), "a secret by a ring, with openat2");
}
// Into a slot of the ring: no descriptor is made.
void ring_open_slot(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string secret = s.file("secret");
  int none = -1;
  char byte = 0;
  if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &none, 1) != 0) return tell(false, "a slot");
  io_uring_sqe entry = on_names(IORING_OP_OPENAT, secret, "");
  entry.file_index = 1;  // the first
  if (ring.run(entry) < 0) return tell(false, "a secret in a slot of a ring");
  entry = operation(IORING_OP_READ, 0);
  entry.flags = IOSQE_FIXED_FILE;
  entry.addr = address_of(&byte);
  entry.len = 1;
  tell(ring.run(entry) == 1, "a secret in a slot of a ring");
}
void ring_connect(const Scene& s) {
  Ring ring(s.argument(2));
  const sockaddr_in a = peer(s.argument(0), s.number(1));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  io_uring_sqe entry = operation(IORING_OP_CONNECT, fd);
  entry.addr = address_of(&a);
  entry.off = sizeof a;
  tell(ring.run(entry) == 0 && stands(fd), "a connection by a ring");
}
void ring_send(const Scene& s) {
  Ring ring(s.argument(2));
  sockaddr_in a = peer(s.argument(0), s.number(1));
  iovec data{const_cast<char*>("x"), 1};
  msghdr message{};
  message.msg_name = &a;
  message.msg_namelen = sizeof a;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  const int fd = datagram_socket(AF_INET);
  io_uring_sqe entry = operation(IORING_OP_SENDMSG, fd);
  entry.addr = address_of(&message);
  entry.len = 1;
  tell(ring.run(entry) == 1 && arrived(fd), "a datagram by a ring");
}
void ring_unlink(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string page = s.file("page.html");
  tell(ring.run(on_names(IORING_OP_UNLINKAT, page, "")) == 0 && !there(page), "the web page removed by a ring");
}
void ring_rename(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string from = s.file("secret"), to = s.file("out/moved");
  tell(ring.run(on_names(IORING_OP_RENAMEAT, from, to)) == 0 && there(to) && !there(from),
       "a secret renamed by a ring");
}
void ring_link(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string from = s.file("secret"), to = s.file("out/linked");
  tell(ring.run(on_names(IORING_OP_LINKAT, from, to)) == 0 && there(to), "a second name of a secret by a ring");
}
void ring_symlink(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string to = s.file("new"), what = "secret";
  io_uring_sqe entry = on_names(IORING_OP_SYMLINKAT, what, to);
  entry.len = 0;
  tell(ring.run(entry) == 0 && there(to), "a symbolic link by a ring");
}
void ring_mkdir(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string name = s.file("new");
  io_uring_sqe entry = on_names(IORING_OP_MKDIRAT, name, "");
  entry.len = 0755;
  tell(ring.run(entry) == 0 && there(name), "a directory by a ring");
}
void ring_truncate(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string log = s.file("log");
  const int fd = open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  struct stat after {};
  (void)!ring.run(operation(kFtruncate, fd));
  const int error = errno;
  fstat(fd, &after);
  errno = error;
  tell(fd >= 0 && after.st_size == 0, "the log emptied by a ring");
}
void ring_socket(const Scene& s) {
  Ring ring(s.argument(0));
  io_uring_sqe entry = operation(IORING_OP_SOCKET, AF_INET);
  entry.off = SOCK_RAW;
  entry.len = IPPROTO_ICMP;
  tell(ring.run(entry) >= 0, "a raw socket by a ring");
}
void ring_bind(const Scene& s) {
  Ring ring(s.argument(1));
  const sockaddr_in a = peer("127.0.0.1", s.number(0));
  const int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  io_uring_sqe entry = operation(kBind, fd);
  entry.addr = address_of(&a);
  entry.off = sizeof a;
  tell(ring.run(entry) == 0 && port_of(fd) == s.number(0), "a port by a ring");
}
void ring_listen(const Scene& s) {
  Ring ring(s.argument(0));
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  io_uring_sqe entry = operation(kListen, fd);
  entry.len = 1;
  tell(ring.run(entry) == 0 && listens(fd), "a listener by a ring");
}
void ring_attribute(const Scene& s) {
  Ring ring(s.argument(0));
  const std::string page = s.file("page.html"), name = "trusted.victim", value = "1";
  io_uring_sqe entry = on_names(IORING_OP_SETXATTR, name, value);
  entry.addr3 = address_of(page.c_str());
  entry.len = 1;
  tell(ring.run(entry) == 0 && attribute_of(page, name.c_str()) == value, "an attribute by a ring");
}

// The page, which the next program may not read, lies in a slot of the ring that it is left.
void ring_inherit(const Scene& s) {
  Ring ring("");
  const int page = open(s.file("page.html").c_str(), O_RDONLY | O_CLOEXEC);
  if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &page, 1) != 0) return tell(false, "a slot");
  fcntl(ring.fd, F_SETFD, 0);
  const std::string program = s.file("bin/child"), number = std::to_string(ring.fd);
  execl(program.c_str(), "child", s.base.c_str(), "ring-left", number.c_str(), nullptr);
  tell(false, "the child did not start");
}
void ring_left(const Scene& s) { tell(fcntl(s.number(0), F_GETFD) >= 0, "a ring of another node's files"); }

}  // namespace

std::vector<Act> ring_acts() {
  return {{"ring-open", "[WAY]: OPENAT", ring_open},
          {"ring-open-allowed", "[WAY]: OPENAT of what it may read", ring_open_allowed},
          {"ring-open2", "[WAY]: OPENAT2", ring_open2},
          {"ring-open-slot", "[WAY]: OPENAT into a registered file, READ of that", ring_open_slot},
          {"ring-connect", "ADDRESS PORT [WAY]: CONNECT", ring_connect},
          {"ring-send", "ADDRESS PORT [WAY]: SENDMSG", ring_send},
          {"ring-unlink", "[WAY]: UNLINKAT", ring_unlink},
          {"ring-rename", "[WAY]: RENAMEAT", ring_rename},
          {"ring-link", "[WAY]: LINKAT", ring_link},
          {"ring-symlink", "[WAY]: SYMLINKAT", ring_symlink},
          {"ring-mkdir", "[WAY]: MKDIRAT", ring_mkdir},
          {"ring-truncate", "[WAY]: FTRUNCATE of what it may append to", ring_truncate},
          {"ring-socket", "[WAY]: SOCKET", ring_socket},
          {"ring-bind", "PORT [WAY]: BIND", ring_bind},
          {"ring-listen", "[WAY]: LISTEN", ring_listen},
          {"ring-attribute", "[WAY]: SETXATTR", ring_attribute},
          {"ring-inherit", "leaves a ring with another node's file to its child", ring_inherit},
          {"ring-left", "(the child of `ring-inherit`)", ring_left}};
}

}  // namespace victim
