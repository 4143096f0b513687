// Sockets of the service manager: what its variables mean, and for whom.
#include "platform/inherited.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace platform {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr long kPid = 4711;

InheritedSockets sockets(const InheritedVariables& variables) {
  const auto parsed = parse_inherited(variables, kPid);
  EXPECT_TRUE(parsed) << parsed.error().detail;
  return parsed ? *parsed : InheritedSockets{};
}

TEST(Inherited, AreNumberedFromThreeAndNamed) {
  EXPECT_EQ(sockets({"4711", "2", "smtp:other"}), (InheritedSockets{{3, "smtp"}, {4, "other"}}));
  EXPECT_EQ(sockets({"4711", "1", std::nullopt}), (InheritedSockets{{3, "unknown"}}));
  EXPECT_THAT(sockets({"4711", "0", ""}), IsEmpty());
}

TEST(Inherited, AreNoneWhereNobodyPassedAny) {
  EXPECT_THAT(sockets({}), IsEmpty());
  EXPECT_THAT(sockets({"4711", std::nullopt, std::nullopt}), IsEmpty());
  EXPECT_THAT(sockets({std::nullopt, "2", "a:b"}), IsEmpty());
}

// Of a parent that passed its environment on.
TEST(Inherited, AreNoneOfAnotherProcess) {
  EXPECT_THAT(sockets({"4712", "2", "a:b"}), IsEmpty());
  EXPECT_THAT(sockets({"4712", "nonsense", "a:b"}), IsEmpty());
}

TEST(Inherited, AreRefusedWhereTheVariablesMakeNoSense) {
  for (const auto& [variables, name] :
       {std::pair<InheritedVariables, const char*>{{"x", "1", "a"}, "LISTEN_PID"},
        {{"", "1", "a"}, "LISTEN_PID"},
        {{"-4711", "1", "a"}, "LISTEN_PID"},
        {{"4711", "", "a"}, "LISTEN_FDS"},
        {{"4711", "-1", "a"}, "LISTEN_FDS"},
        {{"4711", "1025", "a"}, "LISTEN_FDS"},
        {{"4711", "99999999999999999999", "a"}, "LISTEN_FDS"},
        {{"4711", "2", "a"}, "LISTEN_FDNAMES"},
        {{"4711", "1", "a:b"}, "LISTEN_FDNAMES"},
        {{"4711", "2", ""}, "LISTEN_FDNAMES"}}) {
    const auto parsed = parse_inherited(variables, kPid);
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().fault, base::Fault::local);
    EXPECT_THAT(parsed.error().detail, HasSubstr(std::string(name) + " = "));
  }
}

}  // namespace
}  // namespace platform
