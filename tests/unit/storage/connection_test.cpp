// Goal: whoever waits for a database that gives no answer is set free. Method: a statement that would take an hour.
#include "storage/connection.hpp"

#include <gtest/gtest.h>

#include <pqxx/pqxx>

#include "tests/support/cluster.hpp"

namespace deskd {
namespace {

using namespace std::chrono_literals;

TEST(Patience, cuts_what_takes_too_long) {
  test::Cluster& cluster = test::Cluster::shared();
  const std::string words = connection_words(cluster.connection("postgres", "super"), "test");
  pqxx::connection connection{words};
  { const Patience patience{connection.sock(), 1h}; }
  EXPECT_EQ(pqxx::nontransaction{connection}.exec1("select 1")[0].as<int>(), 1)
      << "what was done in time is left alone";
  const Patience patience{connection.sock(), 10ms};
  EXPECT_ANY_THROW(pqxx::nontransaction{connection}.exec("select pg_sleep(3600)"));
}

}  // namespace
}  // namespace deskd
