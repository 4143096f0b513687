// The sections of a configuration while it is being put together: which there are, what was given
// for each key, and where.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/keys.h"
#include "config/problems.h"

namespace config {

// The text that won for one key.
struct Given {
  std::string text;
  Place place;
  std::string origin;  // "FILE:LINE", "environment NAME", "flag --listen"
  bool is_available = true;
  bool is_understood = false;  // the section holds its value
};

struct Draft {
  Kind kind = Kind::smtpseal;
  std::string name;
  Place place;                              // its heading, where it has one
  std::map<std::string_view, Given> given;  // by Key::name
  Section section;

  [[nodiscard]] const Given* find(std::string_view key) const {
    const auto found = given.find(key);
    return found == given.end() ? nullptr : &found->second;
  }
  // "listener", "listener outside"
  [[nodiscard]] std::string label() const { return section_label(to_string(kind), name); }
  // Where a remark about a key belongs: at the key, else at the section.
  [[nodiscard]] const Place& place_of(std::string_view key) const {
    const Given* const found = find(key);
    return found != nullptr ? found->place : place;
  }
  [[nodiscard]] Listener& listener() { return std::get<Listener>(section); }
  [[nodiscard]] const Listener& listener() const { return std::get<Listener>(section); }
  [[nodiscard]] Smarthost& smarthost() { return std::get<Smarthost>(section); }
  [[nodiscard]] const Smarthost& smarthost() const { return std::get<Smarthost>(section); }
};

struct Drafts {
  std::deque<Draft> sections;  // [smtpseal] first, then as they came; at least one of each kind
  std::string file;            // that was read; empty when there was none
  bool is_complete = true;     // nothing was lost to an error: what is missing is missing

  [[nodiscard]] std::vector<Draft*> of(Kind kind);
  [[nodiscard]] Draft& general() { return sections.front(); }
};

// Collects the texts of all sources in their precedence. Which keys exist is checked here, what
// their texts mean is not.
[[nodiscard]] Drafts gather(const Sources& sources, ProblemList& problems, ProblemList& warnings);

// Reads every text into its section. Texts that this version cannot act on go to `unavailable`.
void read_values(Drafts& drafts, ProblemList& problems, ProblemList& unavailable);

// Fills in what depends on other keys and checks what lies between keys.
void resolve(Drafts& drafts, const Sources& sources, ProblemList& problems, ProblemList& warnings);

// The part of it that is about where a listener listens, and to whom.
void check_listening(const Draft& listener, ProblemList& problems, ProblemList& warnings);

// The part of it that is about TLS toward clients.
void resolve_client_tls(Draft& listener, ProblemList& problems, ProblemList& warnings);

// The part of it that is about the senders of mail.
void resolve_senders(const Draft& listener, ProblemList& problems);

// And the part about several hosts, and those that are looked up.
void check_hosts(const Draft& smarthost, ProblemList& problems, ProblemList& warnings);
void check_sender_matches(const std::vector<Draft*>& smarthosts, ProblemList& problems,
                          ProblemList& warnings);

// Credentials that smtpseal presents.
void resolve_login(const Draft& smarthost, ProblemList& problems);

// Every key of every section with its value in force.
[[nodiscard]] std::vector<EffectiveValue> effective_values(Drafts& drafts, const Sources& sources);

// "; did you mean X?", or nothing.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     const std::vector<std::string_view>& candidates);

}  // namespace config
