#include "smtp/command.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace smtp {

namespace {

struct VerbName {
  std::string_view name;
  Verb verb;
};

constexpr std::array kVerbs = {
    VerbName{"HELO", Verb::helo},
    VerbName{"EHLO", Verb::ehlo},
    VerbName{"MAIL", Verb::mail},
    VerbName{"RCPT", Verb::rcpt},
    VerbName{"DATA", Verb::data},
    VerbName{"BDAT", Verb::bdat},
    VerbName{"RSET", Verb::rset},
    VerbName{"NOOP", Verb::noop},
    VerbName{"QUIT", Verb::quit},
    VerbName{"VRFY", Verb::vrfy},
    VerbName{"EXPN", Verb::expn},
    VerbName{"HELP", Verb::help},
    VerbName{"ETRN", Verb::etrn},
    VerbName{"AUTH", Verb::auth},
    VerbName{"STARTTLS", Verb::starttls},
    VerbName{"TURN", Verb::unimplemented},
    VerbName{"ATRN", Verb::unimplemented},
    VerbName{"SEND", Verb::unimplemented},
    VerbName{"SOML", Verb::unimplemented},
    VerbName{"SAML", Verb::unimplemented},
    VerbName{"XCLIENT", Verb::unimplemented},
    VerbName{"XFORWARD", Verb::unimplemented},
    VerbName{"ONEX", Verb::unimplemented},
    VerbName{"VERB", Verb::unimplemented},
    VerbName{"DEBUG", Verb::unimplemented},
    VerbName{"WIZ", Verb::unimplemented},
};

constexpr std::array<std::string_view, 9> kHttpMethods = {
    "GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "DELETE", "TRACE", "PATCH"};

bool is_letter(char c) { return base::to_upper(c) >= 'A' && base::to_upper(c) <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 5322 2.2: "Name: value", at the start of a line. A command has a space before any colon.
bool is_header_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  if (colon + 1 < line.size() && line[colon + 1] != ' ') return false;
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
}

bool is_foreign(std::string_view line) {
  if (line.starts_with("\x16\x03") || line.starts_with("SSH-")) return true;
  const std::string_view word = line.substr(0, line.find(' '));
  const bool is_http =
      std::find(kHttpMethods.begin(), kHttpMethods.end(), word) != kHttpMethods.end();
  return (is_http && word.size() < line.size()) || is_header_field(line);
}

constexpr std::size_t kMaxHelloName = 255;  // RFC 5321 4.5.3.1.2

// RFC 5321 4.1.2: Domain, which an IPv4 address without brackets is, too, or address-literal, taken
// by its brackets alone.
bool is_host_name(std::string_view text) {
  if (text.size() > kMaxHelloName) return false;
  if (text.starts_with('[') && text.ends_with(']')) {
    text = text.substr(1, text.size() - 2);
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return c > 0x20 && c < 0x7f && c != '[' && c != ']' && c != '\\';
    });
  }
  const std::vector<std::string_view> labels = base::split(text, '.');
  return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
    return !label.empty() && !label.starts_with('-') && !label.ends_with('-') &&
           std::all_of(label.begin(), label.end(),
                       [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
  });
}

Reply bad_parameter(std::string_view why) { return Reply::make(501, "5.5.4", why); }
Reply unknown_parameter() {
  return Reply::make(555, "5.5.4", "parameter not recognised or not offered");
}

// The path behind "FROM:" or "TO:" of a MAIL or RCPT command.
std::variant<ParsedPath, Reply> parse_path_behind(std::string_view keyword,
                                                  std::string_view argument, bool is_reverse,
                                                  Syntax syntax) {
  const auto bad_syntax = [&] {
    const std::string verb = is_reverse ? "MAIL " : "RCPT ";
    return Reply::make(501, "5.5.4", "syntax: " + verb + std::string(keyword) + ":<address>");
  };
  if (!base::istarts_with(argument, keyword)) return bad_syntax();
  std::string_view rest = argument.substr(keyword.size());
  const bool has_space = rest.starts_with(' ') || rest.starts_with('\t');
  if (syntax == Syntax::tolerant) rest = base::trimmed(rest);
  if (!rest.starts_with(':')) return bad_syntax();
  auto path = parse_path(rest.substr(1), is_reverse, syntax);
  auto* const parsed = std::get_if<ParsedPath>(&path);
  if (parsed != nullptr && has_space) parsed->tolerated.add(Tolerance::space_before_colon);
  return path;
}

// RFC 5321 4.1.2: esmtp-param.
std::variant<std::vector<Parameter>, Reply> parse_parameters(std::string_view text) {
  std::vector<Parameter> parameters;
  for (const std::string_view word : base::split(text, ' ')) {
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    Parameter parameter;
    parameter.keyword = base::uppered(word.substr(0, equals));
    const std::string& keyword = parameter.keyword;
    const bool is_keyword = !keyword.empty() && keyword[0] != '-' &&
                            std::all_of(keyword.begin(), keyword.end(), [](char c) {
                              return is_letter(c) || is_digit(c) || c == '-';
                            });
    if (!is_keyword) return bad_parameter("malformed parameter");
    if (equals != std::string_view::npos) {
      const std::string_view value = word.substr(equals + 1);
      const bool is_value = std::all_of(value.begin(), value.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '=';
      });
      // AUTH and ENVID are xtext, which may hold "=" in coded form only (RFC 3461 4).
      if (!is_value || !base::is_utf8(value)) return bad_parameter("malformed parameter value");
      parameter.value = std::string(value);
    }
    const bool is_doubled =
        std::any_of(parameters.begin(), parameters.end(),
                    [&](const Parameter& other) { return other.keyword == parameter.keyword; });
    if (is_doubled) return bad_parameter("parameter given twice");
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3461 4: xtext; what it stands for may not hold control characters, which could end a line
// somewhere behind us.
bool is_xtext(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (octet < 0x21 || octet > 0x7e || text[i] == '=') return false;
    if (text[i] != '+') continue;
    if (i + 2 >= text.size()) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    const int decoded = high * 16 + low;
    if (decoded < 0x20 || decoded == 0x7f) return false;
    i += 2;
  }
  return !text.empty();
}

// The numeral of SIZE (RFC 1870 3: 1 to 20 digits), saturated.
std::optional<std::uint64_t> parse_size_value(std::string_view digits) {
  const bool are_digits = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
  if (!are_digits) return std::nullopt;
  return base::parse_number(digits).value_or(UINT64_MAX);
}

std::optional<Reply> take_size(MailCommand& mail, const Parameter& parameter,
                               const Extensions& offered) {
  if (!offered.size) return unknown_parameter();
  mail.size = parse_size_value(parameter.value.value_or(""));
  if (!mail.size) return bad_parameter("SIZE takes a number of octets");
  const bool is_too_big =
      *mail.size == UINT64_MAX || (offered.max_size > 0 && *mail.size > offered.max_size);
  if (is_too_big) return Reply::make(552, "5.3.4", "message is bigger than the limit");
  return std::nullopt;
}

std::optional<Reply> take_body(MailCommand& mail, const Parameter& parameter,
                               const Extensions& offered) {
  if (!offered.eight_bit_mime) return unknown_parameter();
  const std::string value = base::uppered(parameter.value.value_or(""));
  if (value == "7BIT") return std::nullopt;
  if (value == "8BITMIME") {
    mail.is_eight_bit = true;
    return std::nullopt;
  }
  if (value == "BINARYMIME" && offered.binarymime) {
    mail.is_binary = true;
    return std::nullopt;
  }
  return value == "BINARYMIME" ? unknown_parameter() : bad_parameter("BODY is malformed");
}

std::optional<Reply> take_mail_parameter(MailCommand& mail, const Parameter& parameter,
                                         const Extensions& offered) {
  const std::string& keyword = parameter.keyword;
  const std::string value = parameter.value.value_or("");
  if (keyword == "SIZE") return take_size(mail, parameter, offered);
  if (keyword == "BODY") return take_body(mail, parameter, offered);
  if (keyword == "SMTPUTF8" && offered.smtputf8) {
    if (parameter.value) return bad_parameter("SMTPUTF8 takes no value");
    mail.is_utf8 = true;
    return std::nullopt;
  }
  if (keyword == "RET" && offered.dsn) {
    if (!base::iequals(value, "FULL") && !base::iequals(value, "HDRS")) {
      return bad_parameter("RET is FULL or HDRS");
    }
    mail.asks_dsn = true;
    return std::nullopt;
  }
  if (keyword == "ENVID" && offered.dsn) {
    if (!is_xtext(value) || value.size() > 100) return bad_parameter("ENVID is malformed");
    mail.asks_dsn = true;
    return std::nullopt;
  }
  if (keyword == "AUTH" && !offered.auth_mechanisms.empty()) {
    if (value != "<>" && !is_xtext(value)) return bad_parameter("AUTH is malformed");
    return std::nullopt;
  }
  return unknown_parameter();
}

bool is_notify_value(std::string_view value) {
  if (base::iequals(value, "NEVER")) return true;
  const std::vector<std::string_view> words = base::split(value, ',');
  return std::all_of(words.begin(), words.end(), [](std::string_view word) {
    return base::iequals(word, "SUCCESS") || base::iequals(word, "FAILURE") ||
           base::iequals(word, "DELAY");
  });
}

bool is_orcpt_value(std::string_view value, bool is_utf8) {
  const std::size_t semicolon = value.find(';');
  if (value.size() > 500 || semicolon == std::string_view::npos || semicolon == 0) return false;
  const std::string_view address = value.substr(semicolon + 1);
  return is_xtext(address) || (is_utf8 && !base::is_ascii(address));
}

std::optional<Reply> take_rcpt_parameter(RcptCommand& rcpt, const Parameter& parameter,
                                         const Extensions& offered, bool is_utf8) {
  if (!offered.dsn) return unknown_parameter();
  const std::string value = parameter.value.value_or("");
  if (parameter.keyword == "NOTIFY") {
    if (!is_notify_value(value)) return bad_parameter("NOTIFY is malformed");
  } else if (parameter.keyword == "ORCPT") {
    if (!is_orcpt_value(value, is_utf8)) return bad_parameter("ORCPT is malformed");
  } else {
    return unknown_parameter();
  }
  rcpt.asks_dsn = true;
  return std::nullopt;
}

Reply needs_utf8() {
  return Reply::make(553, "5.6.7", "an address with non-ASCII characters needs SMTPUTF8");
}

void append_parameters(std::string& line, const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    line.append(" ").append(parameter.keyword);
    if (parameter.value) line.append("=").append(*parameter.value);
  }
}

}  // namespace

SplitCommand split_command(std::string_view line) {
  SplitCommand split;
  if (is_foreign(line)) {
    split.verb = Verb::foreign;
    return split;
  }
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  for (const VerbName& known : kVerbs) {
    if (!base::iequals(word, known.name)) continue;
    split.verb = known.verb;
    if (space != std::string_view::npos) split.argument = base::trimmed(line.substr(space + 1));
    return split;
  }
  return split;
}

std::variant<MailCommand, Reply> parse_mail(std::string_view argument, const Extensions& offered,
                                            Syntax syntax) {
  auto path = parse_path_behind("FROM", argument, true, syntax);
  if (auto* refusal = std::get_if<Reply>(&path)) return std::move(*refusal);
  auto& parsed = std::get<ParsedPath>(path);
  auto parameters = parse_parameters(parsed.rest);
  if (auto* refusal = std::get_if<Reply>(&parameters)) return std::move(*refusal);
  MailCommand mail;
  mail.reverse_path = std::move(parsed.path);
  mail.tolerated = parsed.tolerated;
  mail.parameters = std::get<std::vector<Parameter>>(std::move(parameters));
  for (const Parameter& parameter : mail.parameters) {
    if (auto refusal = take_mail_parameter(mail, parameter, offered)) return *std::move(refusal);
  }
  if (!mail.is_utf8 && !base::is_ascii(mail.reverse_path)) return needs_utf8();
  return mail;
}

std::variant<RcptCommand, Reply> parse_rcpt(std::string_view argument, const Extensions& offered,
                                            bool is_utf8, Syntax syntax) {
  auto path = parse_path_behind("TO", argument, false, syntax);
  if (auto* refusal = std::get_if<Reply>(&path)) return std::move(*refusal);
  auto& parsed = std::get<ParsedPath>(path);
  auto parameters = parse_parameters(parsed.rest);
  if (auto* refusal = std::get_if<Reply>(&parameters)) return std::move(*refusal);
  RcptCommand rcpt;
  rcpt.forward_path = std::move(parsed.path);
  rcpt.tolerated = parsed.tolerated;
  rcpt.parameters = std::get<std::vector<Parameter>>(std::move(parameters));
  for (const Parameter& parameter : rcpt.parameters) {
    if (auto refusal = take_rcpt_parameter(rcpt, parameter, offered, is_utf8)) {
      return *std::move(refusal);
    }
  }
  if (!is_utf8 && !base::is_ascii(rcpt.forward_path)) return needs_utf8();
  return rcpt;
}

std::variant<HelloCommand, Reply> parse_hello(std::string_view argument, Syntax syntax) {
  HelloCommand hello;
  if (argument.empty()) {
    if (syntax == Syntax::strict) return Reply::make(501, "5.5.2", "a host name must follow");
    hello.tolerated.add(Tolerance::no_hello_name);
  } else if (!is_host_name(argument)) {
    if (syntax == Syntax::strict) return Reply::make(501, "5.5.2", "that is no host name");
    hello.tolerated.add(Tolerance::odd_hello_name);
  }
  hello.name = argument.substr(0, kMaxHelloName);
  std::replace_if(
      hello.name.begin(), hello.name.end(),
      [](char c) {
        // "(" and ")" would begin and end a comment in the Received line.
        return c <= 0x20 || c > 0x7e || c == '(' || c == ')' || c == ';' || c == '\\' || c == '"';
      },
      '?');
  return hello;
}

std::string format(const MailCommand& command) {
  std::string line = "MAIL FROM:" + command.reverse_path;
  append_parameters(line, command.parameters);
  return line;
}

std::string format(const RcptCommand& command) {
  std::string line = "RCPT TO:" + command.forward_path;
  append_parameters(line, command.parameters);
  return line;
}

}  // namespace smtp
