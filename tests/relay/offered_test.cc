// relay/offered: what clients are promised in each mode of delivery.
#include "relay/offered.h"

#include <gtest/gtest.h>

namespace relay {
namespace {

smtp::Extensions all() {
  smtp::Extensions extensions;
  extensions.size = true;
  extensions.max_size = 1000;
  extensions.smtputf8 = extensions.dsn = extensions.eight_bit_mime = true;
  extensions.chunking = extensions.binarymime = true;
  extensions.auth_mechanisms = {"PLAIN"};
  return extensions;
}

TEST(Offered, RelayPromisesWhatTheSmarthostHas) {
  const smtp::Extensions known = all();
  EXPECT_EQ(extensions_for(Delivery::relay, &known, true), known);
  EXPECT_EQ(extensions_for(Delivery::relay, nullptr, false), smtp::Extensions{});
}

TEST(Offered, FallbackPromisesTheSameButForBinaryMail) {
  smtp::Extensions known = all();
  smtp::Extensions expected = known;
  expected.binarymime = false;
  EXPECT_EQ(extensions_for(Delivery::fallback, &known, true), expected);
  known.eight_bit_mime = known.chunking = expected.eight_bit_mime = expected.chunking = false;
  EXPECT_EQ(extensions_for(Delivery::fallback, &known, true), expected);
}

TEST(Offered, WithoutTheSmarthostTheSpoolsOwnIsPromised) {
  const smtp::Extensions offered = extensions_for(Delivery::fallback, nullptr, false);
  EXPECT_TRUE(offered.eight_bit_mime && offered.chunking);
  EXPECT_FALSE(offered.binarymime || offered.smtputf8 || offered.dsn);
  EXPECT_TRUE(offered.auth_mechanisms.empty());
  EXPECT_EQ(extensions_for(Delivery::queue, nullptr, false), offered);
}

TEST(Offered, WhatAsksSomethingOfTheSmarthostIsPromisedAsItWasLastKnown) {
  const smtp::Extensions known = all();
  for (const bool is_fresh : {false, true}) {
    const smtp::Extensions offered = extensions_for(Delivery::queue, &known, is_fresh);
    EXPECT_TRUE(offered.smtputf8 && offered.dsn);
    EXPECT_FALSE(offered.binarymime);
    EXPECT_EQ(offered.max_size, 1000U);
  }
}

}  // namespace
}  // namespace relay
