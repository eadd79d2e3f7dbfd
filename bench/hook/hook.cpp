// hook: counts allocations and socket calls of a program that knows nothing of it.
//
//        BENCH_COUNTS=/tmp/counts LD_PRELOAD=libbench_hook.so deskd serve ...
//
// Each thread counts in a row of its own of the file BENCH_COUNTS, which the load maker reads at its two marks. Figures of
// CPU are taken in runs without the hook; it is here for calls per message only. Without BENCH_COUNTS it counts nothing.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "bench/hook/counts.hpp"

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

using deskd::hook::Counts;
using deskd::hook::Thread;

Counts* counts = nullptr;
std::atomic<unsigned> taken{0};

// Fixed storage for a thread's pointer: a destructor or an allocation here would call the hook again.
thread_local Thread* mine __attribute__((tls_model("initial-exec"))) = nullptr;
thread_local bool busy __attribute__((tls_model("initial-exec"))) = false;

__attribute__((constructor)) void open_counts() {
  const char* file = std::getenv("BENCH_COUNTS");
  if (!file) return;
  const int fd = ::open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(Counts)) < 0) return;
  void* page = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) counts = static_cast<Counts*>(page);
  ::close(fd);
}

Thread* row() {
  if (!counts || busy) return nullptr;
  if (!mine) {
    busy = true;
    constexpr unsigned last = sizeof counts->threads / sizeof counts->threads[0] - 1;
    const unsigned slot = taken.fetch_add(1);
    mine = &counts->threads[slot < last ? slot : last];
    mine->tid = static_cast<std::uint64_t>(::syscall(SYS_gettid));
    busy = false;
  }
  return mine;
}

void count_malloc() {
  if (Thread* thread = row()) ++thread->mallocs;
}
void count_send() {
  if (Thread* thread = row()) ++thread->sends;
}
void count_receive() {
  if (Thread* thread = row()) ++thread->receives;
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  count_malloc();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  count_malloc();
  return __libc_calloc(count, size);
}
void* realloc(void* at, std::size_t size) {
  count_malloc();
  return __libc_realloc(at, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count_malloc();
  return __libc_memalign(alignment, size);
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  static const auto call = real<ssize_t (*)(int, const void*, std::size_t, int)>("send");
  count_send();
  return call(fd, bytes, size, flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto call = real<ssize_t (*)(int, const msghdr*, int)>("sendmsg");
  count_send();
  return call(fd, message, flags);
}
ssize_t recv(int fd, void* bytes, std::size_t size, int flags) {
  static const auto call = real<ssize_t (*)(int, void*, std::size_t, int)>("recv");
  count_receive();
  return call(fd, bytes, size, flags);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static const auto call = real<ssize_t (*)(int, msghdr*, int)>("recvmsg");
  count_receive();
  return call(fd, message, flags);
}
// Node's sockets use the calls of files. Eight bytes are a wake-up through an eventfd and no message.
ssize_t write(int fd, const void* bytes, std::size_t size) {
  static const auto call = real<ssize_t (*)(int, const void*, std::size_t)>("write");
  if (size != sizeof(std::uint64_t)) count_send();
  return call(fd, bytes, size);
}
ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto call = real<ssize_t (*)(int, const iovec*, int)>("writev");
  count_send();
  return call(fd, parts, count);
}

}  // extern "C"
