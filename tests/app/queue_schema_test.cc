// JSON of `smtpseal queue` and its schema, contrib/schema/queue.schema.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/queue_fixture.h"
#include "app/queue_report.h"
#include "support/json_schema.h"

namespace app {
namespace {

using nlohmann::json;
using testing::IsEmpty;

TEST(QueueJson, IsAnArrayThatKeepsToItsSchema) {
  spool::Seen damaged;
  damaged.envelope.id = "00065f2b9c1d4a01";
  damaged.damage = "its envelope is missing";
  const json list = json::parse(format_queue_json({seen_mail("00065f2b9c1d4a00"), damaged}));
  EXPECT_EQ(list.size(), 2U);
  EXPECT_THAT(support::schema_faults(support::queue_schema(), list), IsEmpty());
  EXPECT_EQ(list[0]["sender"], "ups@example.edu");
  EXPECT_EQ(list[0]["recipients"][1]["outcome"], "failed");
  EXPECT_EQ(list[1]["state"], "damaged");
}

TEST(QueueJson, IsAnEmptyArrayWhenTheQueueIs) { EXPECT_EQ(format_queue_json({}), "[]\n"); }

TEST(QueueJson, ShowsOneWithItsHeader) {
  const json mail = json::parse(
      format_mail_json(seen_mail("00065f2b9c1d4a00"), "From: a\r\nTo: b\r\n\r\nbody\r\n"));
  EXPECT_THAT(support::schema_faults(support::queue_schema("mail"), mail), IsEmpty());
  EXPECT_EQ(mail["header"], "From: a\r\nTo: b\r\n");
}

TEST(QueueJson, ReplacesWhatIsNoText) {
  spool::Seen mail = seen_mail("00065f2b9c1d4a00");
  mail.envelope.last_error = "\xff\xfe";
  EXPECT_TRUE(json::accept(format_queue_json({mail})));
  EXPECT_TRUE(json::accept(format_mail_json(mail, "\xff\r\n\r\n")));
}

TEST(QueueJson, TellsWhatBecameOfWhatWasAsked) {
  const json schema = support::queue_schema("outcome");
  const json one = json::parse(format_outcome_json("00065f2b9c1d4a00", "held"));
  const json all = json::parse(format_outcome_json("", "tried now"));
  EXPECT_THAT(support::schema_faults(schema, one), IsEmpty());
  EXPECT_THAT(support::schema_faults(schema, all), IsEmpty());
  EXPECT_EQ(one["id"], "00065f2b9c1d4a00");
  EXPECT_TRUE(all["id"].is_null());
}

}  // namespace
}  // namespace app
