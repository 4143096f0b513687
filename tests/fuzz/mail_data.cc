// smtp/mail_data: only CRLF.CRLF ends mail data; what comes out has CRLF alone for line ends, no
// NUL, and one end when it is encoded; all of it as plainer readings have it and however it is cut.
//
// The input: an octet of options, then what follows DATA, or stands in chunks.
#include "smtp/mail_data.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "fuzz/cuts.h"
#include "fuzz/target.h"

namespace {

struct Decoded {
  std::string content;
  std::size_t taken = 0;
  bool is_ended = false, has_nul = false, has_bare = false, has_false_end = false;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view bytes, std::size_t step) {
  smtp::MailDataDecoder decoder;
  Decoded result;
  fuzz::cut(bytes, step, [&](std::string_view piece) {
    if (decoder.is_ended()) return;
    const std::size_t taken = decoder.receive(piece, result.content);
    FUZZ_EXPECT(taken == piece.size() || decoder.is_ended());
    result.taken += taken;
  });
  result.is_ended = decoder.is_ended();
  result.has_nul = decoder.has_nul();
  result.has_bare = decoder.has_bare_line_ends();
  result.has_false_end = decoder.has_false_end();
  FUZZ_EXPECT(decoder.size() == result.content.size());
  return result;
}

Decoded decode_chunks(std::string_view bytes, std::size_t step, bool is_binary) {
  smtp::ChunkDecoder decoder(is_binary);
  Decoded result;
  fuzz::cut(bytes, step, [&](std::string_view piece) { decoder.receive(piece, result.content); });
  decoder.end(result.content);
  result.taken = bytes.size();
  result.has_nul = decoder.has_nul();
  result.has_bare = decoder.has_bare_line_ends();
  return result;
}

// Line by line: where a line that is a dot between two CRLF stands, everything ends.
std::size_t end_of_mail_data(std::string_view bytes) {
  const std::string framed = "\r\n" + std::string(bytes);
  const std::size_t end = framed.find("\r\n.\r\n");
  return end == std::string::npos ? std::string::npos : end + 3;
}

bool is_normalised(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_pair = i + 1 < text.size() && text[i] == '\r' && text[i + 1] == '\n';
    if (text[i] == '\0') return false;
    if (is_pair) {
      ++i;
    } else if (text[i] == '\r' || text[i] == '\n') {
      return false;
    }
  }
  return true;
}

// A CR at the very end may still become half of a CRLF behind DATA.
bool has_bare_ends(std::string_view text, bool is_open) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 == text.size()) return !is_open;
    if (text[i] == '\r' && text[i + 1] != '\n') return true;
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
  }
  return false;
}

// Text alone: what is left when line ends, NUL and dots that may be stuffing are taken away.
std::string letters_of(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c != '\r' && c != '\n' && c != '\0' && c != '.') out.push_back(c);
  }
  return out;
}

std::string encode(std::string_view content, std::size_t step) {
  smtp::MailDataEncoder encoder;
  std::string out;
  fuzz::cut(content, step, [&](std::string_view piece) { encoder.send(piece, out); });
  encoder.end(out);
  return out;
}

void expect_one_end(std::string_view content) {
  const std::string encoded = encode(content, 0);
  for (const std::size_t step : fuzz::kSteps) FUZZ_EXPECT(encode(content, step) == encoded);
  FUZZ_EXPECT(end_of_mail_data(encoded) == encoded.size());
  // What any of the servers that were smuggled to took for an end.
  const std::string framed = "\r\n" + encoded;
  for (const char* const false_end : {"\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r.\n"}) {
    const std::size_t at = framed.find(false_end);
    FUZZ_EXPECT(at == std::string::npos || at + 6 > framed.size());
  }
  const Decoded back = decode(encoded, 0);
  FUZZ_EXPECT(back.is_ended && !back.has_bare && !back.has_nul);
  std::string whole(content);
  if (!whole.empty() && !whole.ends_with("\r\n")) whole.append("\r\n");
  FUZZ_EXPECT(back.content == whole);
}

struct Hops {
  unsigned all = 0, own = 0;
  bool is_over = false;
  friend bool operator==(const Hops&, const Hops&) = default;
};

Hops hops_of(std::string_view content, std::size_t step) {
  smtp::HeaderScanner scanner("by seal.test (smtpseal)");
  fuzz::cut(content, step, [&](std::string_view piece) { scanner.receive(piece); });
  return {scanner.hops(), scanner.own_hops(), scanner.is_header_over()};
}

void try_header(std::string_view content) {
  const Hops hops = hops_of(content, 0);
  for (const std::size_t step : fuzz::kSteps) FUZZ_EXPECT(hops_of(content, step) == hops);
  FUZZ_EXPECT(hops.own <= hops.all);
  std::string lower = base::lowered(content);
  std::erase(lower, '\r');  // of BINARYMIME some stand anywhere
  std::size_t mentioned = 0;
  for (std::size_t at = 0; (at = lower.find("received", at)) != std::string::npos; ++at) {
    ++mentioned;
  }
  FUZZ_EXPECT(hops.all <= mentioned);
}

}  // namespace

FUZZ_TARGET(mail_data) {
  const unsigned kind = input.below(3);
  const std::string_view bytes = input.rest();
  const auto decoded_in = [&](std::size_t step) {
    return kind == 0 ? decode(bytes, step) : decode_chunks(bytes, step, kind == 2);
  };
  const Decoded decoded = decoded_in(0);
  for (const std::size_t step : fuzz::kSteps) FUZZ_EXPECT(decoded_in(step) == decoded);
  if (kind == 0) {
    const std::size_t end = end_of_mail_data(bytes);
    FUZZ_EXPECT(decoded.is_ended == (end != std::string::npos));
    FUZZ_EXPECT(decoded.taken == std::min(end, bytes.size()));
  }
  const std::string_view taken = bytes.substr(0, decoded.taken);
  FUZZ_EXPECT(letters_of(decoded.content) == (kind == 2 ? letters_of(bytes) : letters_of(taken)));
  FUZZ_EXPECT(kind == 2 || decoded.has_nul == (taken.find('\0') != std::string_view::npos));
  if (kind != 2) FUZZ_EXPECT(decoded.has_bare == has_bare_ends(taken, kind == 0));
  if (kind == 2) {
    FUZZ_EXPECT(decoded.content == bytes);
  } else if (decoded.is_ended || kind == 1) {
    FUZZ_EXPECT(is_normalised(decoded.content));
    expect_one_end(decoded.content);
  }
  try_header(decoded.content);
}
