#include "serve/policy_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serve/testing.h"

namespace vlaq::serve {
namespace {

using testing::ActionsAlone;
using testing::ActionsOf;
using ::testing::HasSubstr;
using testing::Held;
using testing::Mailbox;
using testing::OpenSmall;
using testing::RequestOf;

ReadRequest Reads(int seed) {
  return [seed] { return RequestOf(seed); };
}

Answer Ask(PolicyService& service, PolicyService::ClientId client, ReadRequest read) {
  Mailbox mailbox;
  service.Submit(client, std::move(read), mailbox.Slot());
  return mailbox.Wait();
}

TEST(PolicyServiceTest, AnswersAsThePolicyAlone) {
  const auto service = OpenSmall();
  const auto client = service->Join(Tenure::kUntilLeave);
  Answer answer;
  for (const int seed : {1, 2, 3, 4}) answer = Ask(*service, *client, Reads(seed));
  ASSERT_EQ(answer.outcome, Outcome::kDone) << answer.error.ToString();
  EXPECT_EQ(ActionsOf(answer), ActionsAlone({1, 2, 3, 4}));
  const ServiceStatistics statistics = service->statistics();
  EXPECT_EQ(statistics.done, 4U);
  EXPECT_EQ(statistics.episodes, 1U);
  EXPECT_EQ(statistics.inference.count, 4U);
  ASSERT_NE(service->last_step(), nullptr);
  EXPECT_EQ(service->last_step()->camera, testing::kCamera);
}

TEST(PolicyServiceTest, EpisodesOfTwoClientsDoNotMix) {
  const auto service = OpenSmall(2);
  const auto a = service->Join(Tenure::kUntilLeave);
  const auto b = service->Join(Tenure::kUntilLeave);
  std::vector<float> of_a, of_b;
  for (const int step : {1, 2, 3}) {
    of_a = ActionsOf(Ask(*service, *a, Reads(step)));
    of_b = ActionsOf(Ask(*service, *b, Reads(step + 10)));
  }
  EXPECT_EQ(of_a, ActionsAlone({1, 2, 3}));
  EXPECT_EQ(of_b, ActionsAlone({11, 12, 13}));
  EXPECT_NE(of_a, of_b);
}

TEST(PolicyServiceTest, TheNextClientBeginsAnew) {
  const auto service = OpenSmall(1);
  const auto a = service->Join(Tenure::kUntilLeave);
  for (const int seed : {1, 2}) static_cast<void>(Ask(*service, *a, Reads(seed)));
  EXPECT_THAT(service->Join(Tenure::kUntilLeave).error().ToString(), HasSubstr("all 1 sessions"));
  service->Leave(*a);
  EXPECT_EQ(Ask(*service, *a, Reads(3)).outcome, Outcome::kNoSession);
  const auto b = service->Join(Tenure::kUntilLeave);
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(ActionsOf(Ask(*service, *b, Reads(3))), ActionsAlone({3}));
}

TEST(PolicyServiceTest, AResetBeginsAnew) {
  const auto service = OpenSmall();
  const auto client = service->Join(Tenure::kUntilLeave);
  static_cast<void>(Ask(*service, *client, Reads(1)));
  Mailbox reset;
  service->Reset(*client, std::nullopt, reset.Slot());
  EXPECT_EQ(reset.Wait().outcome, Outcome::kDone);
  EXPECT_EQ(ActionsOf(Ask(*service, *client, Reads(2))), ActionsAlone({2}));
  const Answer again = Ask(*service, *client, [] {
    Request request = RequestOf(5);
    request.reset = true;
    return Result<Request>(std::move(request));
  });
  EXPECT_EQ(ActionsOf(again), ActionsAlone({5}));
}

TEST(PolicyServiceTest, TheNewestRequestReplacesTheWaitingOne) {
  const auto service = OpenSmall();
  const auto client = service->Join(Tenure::kUntilLeave);
  Held held;
  Mailbox first, second, third;
  service->Submit(*client, held.Read(), first.Slot());
  held.WaitUntilAtWork();
  service->Submit(*client, Reads(2), second.Slot());
  service->Submit(*client, Reads(3), third.Slot());
  EXPECT_EQ(second.Wait().outcome, Outcome::kReplaced);
  EXPECT_FALSE(third.has_answer());
  held.Release();
  EXPECT_EQ(first.Wait().outcome, Outcome::kDone);
  EXPECT_EQ(ActionsOf(third.Wait()), ActionsAlone({1, 3}));
  EXPECT_EQ(service->statistics().replaced, 1U);
}

TEST(PolicyServiceTest, ClientsAreServedInTurns) {
  const auto service = OpenSmall(2);
  const auto a = service->Join(Tenure::kUntilLeave);
  const auto b = service->Join(Tenure::kUntilLeave);
  Held held;
  Mailbox first;
  service->Submit(*a, held.Read(), first.Slot());
  held.WaitUntilAtWork();
  std::vector<char> order;  // written by the thread of the policy only
  Mailbox last_a, last_b;
  const auto note = [&order](char name, OnAnswer done) {
    return [&order, name, done = std::move(done)](const Answer& answer) {
      order.push_back(name);
      done(answer);
    };
  };
  service->Submit(*a, Reads(2), note('a', last_a.Slot()));
  service->Submit(*b, Reads(2), note('b', last_b.Slot()));
  held.Release();
  static_cast<void>(last_a.Wait());
  static_cast<void>(last_b.Wait());
  EXPECT_EQ(order, (std::vector<char>{'b', 'a'}));
}

TEST(PolicyServiceTest, AStopRefusesWhatIsAtWorkAndWaits) {
  const auto service = OpenSmall();
  const auto client = service->Join(Tenure::kUntilLeave);
  Held held;
  Mailbox at_work, waiting;
  service->Submit(*client, held.Read(), at_work.Slot());
  held.WaitUntilAtWork();
  service->Submit(*client, Reads(2), waiting.Slot());
  service->Stop();
  EXPECT_EQ(waiting.Wait().outcome, Outcome::kStopped);
  held.Release();
  EXPECT_EQ(at_work.Wait().outcome, Outcome::kStopped);
  EXPECT_EQ(Ask(*service, *client, Reads(3)).outcome, Outcome::kStopped);
  EXPECT_TRUE(service->statistics().is_stopped);
  service->Resume();
  EXPECT_EQ(Ask(*service, *client, Reads(3)).outcome, Outcome::kDone);
}

TEST(PolicyServiceTest, IdleClientsWithoutConnectionsGiveWay) {
  const auto service = OpenSmall(1, 0);
  const auto http = service->Join(Tenure::kUntilIdle);
  static_cast<void>(Ask(*service, *http, Reads(1)));
  const auto other = service->Join(Tenure::kUntilLeave);
  ASSERT_TRUE(other.ok()) << other.error().ToString();
  EXPECT_EQ(Ask(*service, *http, Reads(2)).outcome, Outcome::kNoSession);
  EXPECT_EQ(ActionsOf(Ask(*service, *other, Reads(7))), ActionsAlone({7}));
}

TEST(PolicyServiceTest, WrongRequestsAreRefusedAndForgotten) {
  const auto service = OpenSmall();
  const auto client = service->Join(Tenure::kUntilLeave);
  EXPECT_THAT(Ask(*service, *client, [] { return Result<Request>(Request{}); }).error.ToString(),
              HasSubstr("lacks observation.images.front"));
  const Answer told = Ask(*service, *client, [] {
    Request request = RequestOf(1);
    request.texts["prompt"] = "go to the bottle";
    return Result<Request>(std::move(request));
  });
  EXPECT_EQ(told.outcome, Outcome::kRefused);  // this bundle has no tokenizer
  const Answer thrown = Ask(*service, *client, []() -> Result<Request> { throw std::runtime_error("thrown"); });
  EXPECT_EQ(thrown.outcome, Outcome::kFailed);
  EXPECT_THAT(thrown.error.ToString(), HasSubstr("thrown"));
  EXPECT_EQ(ActionsOf(Ask(*service, *client, Reads(4))), ActionsAlone({4}));
}

TEST(PolicyServiceTest, ClosingAnswersEverybody) {
  const auto service = OpenSmall();
  const auto client = service->Join(Tenure::kUntilLeave);
  Held held;
  Mailbox at_work, waiting;
  service->Submit(*client, held.Read(), at_work.Slot());
  held.WaitUntilAtWork();
  service->Submit(*client, Reads(2), waiting.Slot());
  std::thread closes([&] { service->Close(); });
  EXPECT_EQ(waiting.Wait().outcome, Outcome::kClosed);
  held.Release();
  closes.join();
  EXPECT_EQ(at_work.Wait().outcome, Outcome::kDone);
  EXPECT_EQ(Ask(*service, *client, Reads(2)).outcome, Outcome::kClosed);
}

}  // namespace
}  // namespace vlaq::serve
