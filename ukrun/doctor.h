// `ukrun doctor`: what this machine offers, ring by ring, and what it would take to get
// what is missing.
#pragma once

#include <string>
#include <vector>

namespace ukrun {

// One line of the report.
struct Finding {
  enum class Verdict { kYes, kNo, kMissing };  // kMissing: no, and no sandbox without it
  std::string subject;
  Verdict verdict = Verdict::kYes;
  std::string detail;  // what it means, and what would change it
};

struct Section {
  std::string title;
  std::vector<Finding> findings;
};

// Asks the host.
std::vector<Section> Examine();

// The report as text, with the conclusion at its end.
std::string FormatReport(const std::vector<Section>& sections);

// True when nothing is missing that a sandbox needs.
bool CanRun(const std::vector<Section>& sections);

// Prints the report to standard output. Returns the exit status: 0 when a sandbox can run.
int RunDoctor();

}  // namespace ukrun
