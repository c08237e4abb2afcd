// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "policy-compiler/cli/formats/document.h"
#include "policy-compiler/support/text.h"

namespace treeline::cli::formats {
namespace {

// XML 1.0 has no control characters, no U+FFFE and U+FFFF, and no way to write them: they become \xHH here, as does
// what is not UTF-8. Line ends of our own text stay.
std::string xml(std::string_view raw) {
  std::string out;
  for (size_t at = 0; at < raw.size();) {
    const size_t length = raw[at] == '\n' ? 1 : text::visible_length(raw, at);
    const std::string_view character = raw.substr(at, std::max<size_t>(length, 1));
    at += character.size();
    if (length == 0 || character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf") {
      for (const char c : character) {
        const auto byte = static_cast<uint8_t>(c);
        out += "\\x" + text::hex({&byte, 1});
      }
      continue;
    }
    switch (character[0]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += character;
    }
  }
  return out;
}

// In an attribute a reader would turn line ends into spaces.
std::string attribute(std::string_view name, std::string_view value) {
  std::string flat(value);
  for (char& c : flat)
    if (c == '\n') c = ' ';
  return " " + std::string(name) + "=\"" + xml(flat) + "\"";
}

std::string place(std::string_view file, Position position) {
  std::string out = text::printable(file, 4096);
  if (position.line != 0) out += ":" + std::to_string(position.line) + ":" + std::to_string(position.column);
  return out;
}

class Suite {
 public:
  explicit Suite(std::string name) : name_(std::move(name)) {}

  // `inner`: what stands inside <testcase>, "" where it passed.
  void add(std::string name, std::string_view file, Position position, const std::string& inner) {
    ++tests_;
    // Two test cases of one name are one to those who compare runs.
    const size_t before = names_[name]++;
    if (before != 0) name += " (" + std::to_string(before + 1) + ")";
    cases_ += "    <testcase" + attribute("name", name) + attribute("classname", name_);
    if (!file.empty()) cases_ += attribute("file", text::printable(file, 4096));
    if (position.line != 0) cases_ += attribute("line", std::to_string(position.line));
    cases_ += attribute("time", "0");
    cases_ += inner.empty() ? "/>\n" : ">\n" + inner + "    </testcase>\n";
  }
  std::string failure(std::string_view element, std::string_view message, std::string_view type,
                      std::string_view text) {
    ++(element == "error" ? errors_ : failures_);
    return "      <" + std::string(element) + attribute("message", message) + attribute("type", type) + ">" +
           xml(text) + "</" + std::string(element) + ">\n";
  }
  std::string skipped(std::string_view message) {
    ++skipped_;
    return "      <skipped" + attribute("message", message) + "/>\n";
  }
  void note(const std::string& line) { out_ += line + "\n"; }

  std::string counts() const {
    return attribute("tests", std::to_string(tests_)) + attribute("failures", std::to_string(failures_)) +
           attribute("errors", std::to_string(errors_)) + attribute("skipped", std::to_string(skipped_)) +
           attribute("time", "0");
  }
  std::string text() const {
    std::string all = "  <testsuite" + attribute("name", name_) + counts() + ">\n" + cases_;
    if (!out_.empty()) all += "    <system-out>" + xml(out_) + "</system-out>\n";
    return all + "  </testsuite>\n";
  }
  void count_into(Suite& all) const {
    all.tests_ += tests_;
    all.failures_ += failures_;
    all.errors_ += errors_;
    all.skipped_ += skipped_;
  }
  bool empty() const { return tests_ == 0; }

 private:
  std::string name_, cases_, out_;
  std::map<std::string, size_t> names_;
  size_t tests_ = 0, failures_ = 0, errors_ = 0, skipped_ = 0;
};

void add_finding(Suite& suite, const Finding& finding, bool strict) {
  const Diagnostic& d = finding.diagnostic;
  const std::string text = place(d.file, d.position) + ": " + std::string(severity_name(d.severity)) + ": " +
                           d.message + " [" + d.code + "]" + (d.remedy.empty() ? "" : "\n" + d.remedy);
  if (d.severity == Severity::kNote && !finding.fails && d.accepted.empty()) return suite.note(text);
  std::string inner;
  if (!finding.diagnostic.accepted.empty())
    inner = suite.skipped("accepted: " + finding.diagnostic.accepted);
  else if (d.severity == Severity::kError || strict || finding.fails)
    inner = suite.failure("failure", d.message, d.code, text);
  else
    inner = "      <system-out>" + xml(text) + "</system-out>\n";
  suite.add(d.code + ": " + d.message, d.file, d.position, inner);
}

Suite suite_of(const Document& document, const Subject& subject) {
  Suite suite(subject.file);
  for (const Finding& finding : subject.findings) add_finding(suite, finding, document.strict);
  for (const Case& one : subject.cases) {
    std::string inner;
    if (one.outcome == Case::Outcome::kFailed)
      inner = suite.failure("failure", one.message, document.command,
                            place(one.file, one.position) + ": " + one.name + ": " + one.message);
    if (one.outcome == Case::Outcome::kSkipped) inner = suite.skipped(one.message);
    suite.add(one.name, one.file, one.position, inner);
  }
  if (subject.dropped != 0)
    suite.add("not shown", subject.file, {},
              suite.failure("failure", std::to_string(subject.dropped) + " more findings", "not-shown",
                            "there are too many; mend the listed ones first"));
  if (suite.empty()) suite.add("no mistakes", subject.file, {}, "");
  return suite;
}

}  // namespace

std::string to_junit(const Document& document) {
  Suite all("treelinec " + document.command);
  std::string suites;
  for (const Subject& subject : document.subjects) {
    const Suite suite = suite_of(document, subject);
    suite.count_into(all);
    suites += suite.text();
  }
  if (document.error || document.subjects.empty()) {
    Suite suite("treelinec " + document.command);
    const std::string inner =
        document.error ? suite.failure("error", document.error->message, "error", document.error->message) : "";
    suite.add(document.command, "", {}, inner);
    suite.count_into(all);
    suites += suite.text();
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
         attribute("name", "treelinec " + document.command) + all.counts() + ">\n" + suites + "</testsuites>\n";
}

}  // namespace treeline::cli::formats
