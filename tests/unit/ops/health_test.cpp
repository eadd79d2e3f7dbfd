// health_test.cpp - Goal: the server is restarted when it hangs, kept from clients when it cannot serve them, and
// neither when only the database is away.
#include "server/ops/health.hpp"

#include <gtest/gtest.h>

namespace deskd {
namespace {

const Health well{Duration{3}, true, Duration{0}, 0, 2, 2, false};

TEST(Health, WellIsReady) {
  EXPECT_TRUE(well.alive());
  EXPECT_TRUE(well.ready());
  EXPECT_FALSE(well.degraded());
  EXPECT_EQ(readiness(well),
            R"({"status":"ready","checks":{"loop":{"ok":true,"silent_ms":3},)"
            R"("database":{"ok":true,"lasting_ms":0,"backlog_bytes":0},"desks":{"ok":true,"owned":2,"wanted":2},)"
            R"("draining":{"ok":true}}})");
  EXPECT_EQ(liveness(well), R"({"status":"alive","checks":{"loop":{"ok":true,"silent_ms":3}}})");
}

TEST(Health, ADatabaseAwayIsDegradedAndStillReady) {
  Health health = well;
  health.database = false;
  health.database_lasting = Duration{7000};
  health.backlog_bytes = 12;
  EXPECT_TRUE(health.ready());
  EXPECT_TRUE(health.degraded());
  EXPECT_NE(readiness(health).find(R"("status":"degraded")"), std::string::npos);
  EXPECT_NE(readiness(health).find(R"("database":{"ok":false,"lasting_ms":7000,"backlog_bytes":12})"),
            std::string::npos);
}

TEST(Health, WhatCannotServeIsNotReady) {
  Health draining = well;
  draining.draining = true;
  Health recovering = well;
  recovering.desks_owned = 1;
  Health hanging = well;
  hanging.loop_silent = loop_silent_max;
  for (const Health& health : {draining, recovering, hanging}) {
    EXPECT_FALSE(health.ready());
    EXPECT_NE(readiness(health).find(R"("status":"not_ready")"), std::string::npos);
  }
  EXPECT_TRUE(draining.alive()) << "a server that drains is not restarted";
  EXPECT_FALSE(hanging.alive());
  hanging.loop_silent = loop_silent_max - Duration{1};
  EXPECT_TRUE(hanging.alive());
  EXPECT_NE(liveness(draining).find("alive"), std::string::npos);
}

}  // namespace
}  // namespace deskd
