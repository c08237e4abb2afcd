// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/event_source.h"

#include <cerrno>

namespace treeline::kernel {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kPerfPages = 64;  // a CPU, of 4 KiB; a record is at most about 9 KiB

class RingSource final : public EventSource {
 public:
  explicit RingSource(Sink sink) : sink_(std::move(sink)) {}
  ~RingSource() override { ring_buffer__free(ring_); }
  bool open(int map_fd) {
    ring_ = ring_buffer__new(map_fd, on_record, this, nullptr);
    return ring_ != nullptr;
  }
  int poll_fd() const override { return ring_buffer__epoll_fd(ring_); }
  void consume(std::chrono::milliseconds most) override {
    end_ = Clock::now() + most;
    ring_buffer__consume(ring_);
  }
  const char* name() const override { return "ring buffer"; }

 private:
  static int on_record(void* self, void* data, size_t size) {
    auto* source = static_cast<RingSource*>(self);
    source->sink_(data, size);
    // libbpf reads on while there is something new. An error ends that; this record counts as read, and the rest wakes epoll again.
    return Clock::now() < source->end_ ? 0 : -ECANCELED;
  }
  Sink sink_;
  ring_buffer* ring_ = nullptr;
  Clock::time_point end_;
};

class PerfSource final : public EventSource {
 public:
  explicit PerfSource(Sink sink) : sink_(std::move(sink)) {}
  ~PerfSource() override { perf_buffer__free(perf_); }
  bool open(int map_fd) {
    perf_ = perf_buffer__new(map_fd, kPerfPages, on_record, nullptr, this, nullptr);
    return perf_ != nullptr;
  }
  int poll_fd() const override { return perf_buffer__epoll_fd(perf_); }
  // A CPU's buffer is read as it was at the call: bounded by its size.
  void consume(std::chrono::milliseconds most) override {
    const Clock::time_point end = Clock::now() + most;
    const size_t buffers = perf_buffer__buffer_cnt(perf_);
    for (size_t i = 0; i < buffers && (i == 0 || Clock::now() < end); ++i) perf_buffer__consume_buffer(perf_, next_++ % buffers);
  }
  const char* name() const override { return "perf buffer"; }

 private:
  static void on_record(void* self, int, void* data, uint32_t size) { static_cast<PerfSource*>(self)->sink_(data, size); }
  Sink sink_;
  perf_buffer* perf_ = nullptr;
  size_t next_ = 0;  // where the next turn goes on
};

}  // namespace

Result<std::unique_ptr<EventSource>> EventSource::open(const Maps& maps, Sink sink) {
  if (maps.events) {
    auto source = std::make_unique<RingSource>(std::move(sink));
    if (!source->open(maps.events.get())) return system_error("cannot open the ring buffer of events", errno);
    return std::unique_ptr<EventSource>(std::move(source));
  }
  auto source = std::make_unique<PerfSource>(std::move(sink));
  if (!source->open(maps.events_perf.get())) return system_error("cannot open the perf buffer of events", errno);
  return std::unique_ptr<EventSource>(std::move(source));
}

}  // namespace treeline::kernel
