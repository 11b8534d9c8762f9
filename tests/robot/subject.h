// `vlaq robot` as its users run it, with a small policy and settings that the rows' limits follow from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/child_process.h"
#include "base/status.h"

namespace vlaq::faults {

// A policy and its robot.json in `folder`, made if they are not there. Errors: what `vlaq` says.
Status PrepareSubject(const std::string& vlaq, const std::string& folder);

class Subject {
 public:
  struct Options {
    std::vector<std::string> more;  // options of `vlaq robot`
    int largest_file_kib = 0;       // 0: any
  };
  static Result<std::unique_ptr<Subject>> Start(const std::string& vlaq, const std::string& folder, int domain,
                                                const Options& options);

  int pid() const { return child_->pid(); }
  // Of the process that computes, the newest; 0 before there is one.
  int worker() const;
  // What it has said so far.
  std::string said() const;
  // True once it has ended by itself.
  bool AwaitEnd(double seconds) const;
  // Asks it to end.
  ~Subject();

 private:
  std::unique_ptr<ChildProcess> child_;
  std::string log_;
};

}  // namespace vlaq::faults
