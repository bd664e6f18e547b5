#include "base/wait_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace ukrun {
namespace {

class CountingWaiter final : public Waiter {
 public:
  void OnReady(Ready ready) override {
    ++calls;
    last = ready;
  }
  int calls = 0;
  Ready last = Ready::kNone;
};

// Feeds another queue, as an epoll set or a signalfd does.
class Relay final : public Waiter, public DeferredNotification {
 public:
  explicit Relay(WaitQueue& to) : to_(to) {}
  void OnReady(Ready) override { accepted += Defer() ? 1 : 0; }
  int accepted = 0;
  int delivered = 0;

 protected:
  void Deliver() override {
    ++delivered;
    to_.Notify(Ready::kReadable);
  }

 private:
  WaitQueue& to_;
};

TEST(WaitQueueTest, NotifyReachesThoseWhoAreInterested) {
  WaitQueue queue;
  CountingWaiter reader;
  CountingWaiter writer;
  queue.Add(reader, Ready::kReadable);
  queue.Add(writer, Ready::kWritable);
  queue.Notify(Ready::kReadable);
  EXPECT_EQ(reader.calls, 1);
  EXPECT_EQ(writer.calls, 0);
  queue.Notify(Ready::kHangUp);
  EXPECT_EQ(reader.calls, 2);
  EXPECT_EQ(writer.calls, 1);
  queue.Remove(reader);
  queue.Remove(writer);
  queue.Notify(Ready::kReadable);
  EXPECT_EQ(reader.calls, 2);
}

TEST(WaitQueueTest, NotifyOneReachesTheFirstOnly) {
  WaitQueue queue;
  CountingWaiter first;
  CountingWaiter second;
  queue.Add(first, Ready::kReadable);
  queue.Add(second, Ready::kReadable);
  queue.NotifyOne(Ready::kReadable);
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 0);
  queue.Remove(first);
  queue.NotifyOne(Ready::kReadable);
  EXPECT_EQ(second.calls, 1);
  queue.Remove(second);
}

// The lock rank check would end the test if a relay notified from within OnReady.
TEST(WaitQueueTest, DeferredNotificationsPassThroughAChainOfQueues) {
  std::vector<WaitQueue> queues(100);
  std::vector<std::unique_ptr<Relay>> relays;
  for (size_t i = 0; i + 1 < queues.size(); ++i) {
    relays.push_back(std::make_unique<Relay>(queues[i + 1]));
    queues[i].Add(*relays.back(), Ready::kReadable);
  }
  CountingWaiter end;
  queues.back().Add(end, Ready::kReadable);
  queues.front().Notify(Ready::kReadable);
  EXPECT_EQ(end.calls, 1);
  queues.front().NotifyOne(Ready::kReadable);
  EXPECT_EQ(end.calls, 2);
  for (size_t i = 0; i + 1 < queues.size(); ++i) {
    EXPECT_EQ(relays[i]->delivered, 2);
    queues[i].Remove(*relays[i]);
  }
  queues.back().Remove(end);
}

TEST(WaitQueueTest, WhatIsPendingIsDeliveredOnce) {
  WaitQueue source;
  WaitQueue left;
  WaitQueue right;
  WaitQueue target;
  Relay to_left(left);
  Relay to_right(right);
  Relay from_left(target);
  source.Add(to_left, Ready::kReadable);
  source.Add(to_right, Ready::kReadable);
  left.Add(from_left, Ready::kReadable);
  Relay second_from_left(target);
  left.Add(second_from_left, Ready::kReadable);
  CountingWaiter end;
  target.Add(end, Ready::kReadable);
  source.Notify(Ready::kReadable);
  EXPECT_EQ(to_left.delivered, 1);
  EXPECT_EQ(to_right.delivered, 1);
  EXPECT_EQ(end.calls, 2);
  left.Remove(from_left);
  left.Remove(second_from_left);
  target.Remove(end);
  source.Remove(to_left);
  source.Remove(to_right);
}

}  // namespace
}  // namespace ukrun
