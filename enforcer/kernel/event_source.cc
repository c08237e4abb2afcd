// SPDX-License-Identifier: Apache-2.0
#include "enforcer/kernel/event_source.h"

namespace treeline::kernel {
namespace {

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
  void consume() override { ring_buffer__consume(ring_); }
  uint64_t lost() const override { return 0; }
  const char* name() const override { return "ring buffer"; }

 private:
  static int on_record(void* self, void* data, size_t size) {
    static_cast<RingSource*>(self)->sink_(data, size);
    return 0;
  }
  Sink sink_;
  ring_buffer* ring_ = nullptr;
};

class PerfSource final : public EventSource {
 public:
  explicit PerfSource(Sink sink) : sink_(std::move(sink)) {}
  ~PerfSource() override { perf_buffer__free(perf_); }
  bool open(int map_fd) {
    perf_ = perf_buffer__new(map_fd, kPerfPages, on_record, on_lost, this, nullptr);
    return perf_ != nullptr;
  }
  int poll_fd() const override { return perf_buffer__epoll_fd(perf_); }
  void consume() override { perf_buffer__consume(perf_); }
  uint64_t lost() const override { return lost_; }
  const char* name() const override { return "perf buffer"; }

 private:
  static void on_record(void* self, int, void* data, uint32_t size) { static_cast<PerfSource*>(self)->sink_(data, size); }
  static void on_lost(void* self, int, unsigned long long count) { static_cast<PerfSource*>(self)->lost_ += count; }
  Sink sink_;
  perf_buffer* perf_ = nullptr;
  uint64_t lost_ = 0;
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
