// Mail data (RFC 5321 2.3.9, 4.5.2): what follows DATA, in both directions.
//
// Decoding ends at CRLF.CRLF and at nothing else, ever. What comes out holds only CRLF line ends,
// no dot stuffing and no NUL, so that what a client sent can never mean something else to the
// smarthost (SMTP smuggling, CVE-2023-51764 and kin). Encoding is its exact inverse.
//
// A dot at the start of a line is stuffing behind CRLF. Behind a bare LF or CR, which by RFC 5321
// 2.3.8 begins no line, there are clients of two kinds: those whose lines end so, and which stuff
// them (Python's smtplib, given bytes), and those that know nothing of stuffing. The first have no
// line with one dot at its start, so two there are one that was stuffed, and one is text. Postfix
// takes one away, too, which leaves the second kind's lines without it. That some text of theirs
// begins with two dots is the price. Nothing of this can end anything: whatever dot is left is
// stuffed again on its way to the smarthost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtp {

// From the client: stuffed bytes in, normalised and unstuffed bytes out.
//
// Bare LF and bare CR become CRLF (a CR right before CRLF too: CR CR LF is an empty line more).
// NUL octets are dropped and counted. Gives the same output however the input is cut.
class MailDataDecoder {
 public:
  // Decodes up to the end of `bytes` or of the mail data, whichever is first, appending to `out`.
  // Returns how many octets were taken; those after the end of data are not.
  std::size_t receive(std::string_view bytes, std::string& out);

  [[nodiscard]] bool is_ended() const { return state_ == State::ended; }
  // Octets that came out so far.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] bool has_bare_line_ends() const { return has_bare_line_ends_; }
  [[nodiscard]] bool has_nul() const { return has_nul_; }
  // "LF.LF" or kin stood in the data where a sloppy client may have meant to end it: said in the
  // log when such a client then times out.
  [[nodiscard]] bool has_false_end() const { return has_false_end_; }

 private:
  enum class State {
    line_start,  // after CRLF (or at the very beginning)
    bare_start,  // after a bare LF or CR: two dots here are one, and none ever ends anything
    dot,         // CRLF "."
    dot_cr,      // CRLF "." CR
    text,
    cr,  // CR in text
    ended,
  };

  void take_nul(std::string& out);
  std::size_t receive_text(std::string_view bytes, std::string& out);
  void end_line(std::string& out, bool is_bare);

  State state_ = State::line_start;
  std::uint64_t size_ = 0;
  bool has_bare_line_ends_ = false;
  bool has_nul_ = false;
  bool has_false_end_ = false;
  bool is_lone_dot_ = false;  // behind a bare line end the line so far is exactly "."
};

// From the client, with BDAT (RFC 3030): the bytes of chunks in, mail data out. Of a message that
// is BINARYMIME nothing is changed; of any other line ends and NUL are treated as MailDataDecoder
// does. There is no dot stuffing and no end but the count.
class ChunkDecoder {
 public:
  explicit ChunkDecoder(bool is_binary) : is_binary_(is_binary) {}

  // Appends to `out`; gives the same output however the input is cut.
  void receive(std::string_view bytes, std::string& out);
  // The last chunk is over: a CR at its end is a line end.
  void end(std::string& out);

  [[nodiscard]] bool has_bare_line_ends() const { return has_bare_line_ends_; }
  [[nodiscard]] bool has_nul() const { return has_nul_; }

 private:
  void end_line(std::string& out, bool is_bare);

  bool is_binary_;
  bool is_after_cr_ = false;
  bool has_bare_line_ends_ = false;
  bool has_nul_ = false;
};

// Toward the smarthost, with DATA: normalised bytes in, stuffed bytes out (4.5.2).
class MailDataEncoder {
 public:
  void send(std::string_view bytes, std::string& out);
  // The end of data: ".\r\n", after a CRLF if the mail data did not end in one.
  void end(std::string& out);

 private:
  bool is_line_start_ = true;
};

// Looks at the header of a message as it streams by: hops (RFC 5321 6.3).
class HeaderScanner {
 public:
  // `own_mark` is a text that stands in every Received line of this very smtpseal.
  explicit HeaderScanner(std::string own_mark) : own_mark_(std::move(own_mark)) {}

  // Normalised bytes, cut anywhere.
  void receive(std::string_view bytes);

  [[nodiscard]] unsigned hops() const { return hops_; }
  [[nodiscard]] unsigned own_hops() const { return own_hops_; }
  [[nodiscard]] bool is_header_over() const { return is_over_; }

 private:
  static constexpr std::size_t kMaxScannedField =
      2048;  // of a folded field; the rest is passed over

  void end_field();

  std::string own_mark_;
  std::string field_;  // the field being read, unfolded, at most kMaxScannedField
  bool is_line_start_ = true;
  bool is_after_cr_ = false;
  bool is_line_empty_ = true;
  bool is_over_ = false;
  unsigned hops_ = 0;
  unsigned own_hops_ = 0;
};

}  // namespace smtp
