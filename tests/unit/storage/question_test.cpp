// Goal: whoever asks a database that hangs is set free, whatever the question. Method: a statement that takes longer than anybody waits.
#include "storage/question.hpp"

#include <gtest/gtest.h>

#include "tests/support/cluster.hpp"

namespace deskd {
namespace {

using namespace std::chrono_literals;

TEST(Question, IsGivenUpWhenTheDatabaseHangs) {
  const auto ask = [](pqxx::connection& c) { pqxx::nontransaction{c}.exec("select pg_sleep(20)"); };
  EXPECT_THROW(with_connection(test::Cluster::shared().connection("postgres", "super"), ask, "test", 500ms),
               StorageError);
}

}  // namespace
}  // namespace deskd
