// Stage 0 of a bundle that was made of ONNX files: are its graphs these files? What lies in the bundle is not believed:
// each graph is compared, operator by operator and weight by weight, with the file as it is cleaned again, and every
// tensor of the file as it stands there must be in the graph bit for bit. Not aware of: how files are cleaned, running
// anything.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "bundle/bundle.h"
#include "onnx/graph.h"
#include "verify/report.h"

namespace vlaq::verify {

// A graph of a policy as it must be.
struct SourceFile {
  std::string graph;           // its name in the policy
  std::filesystem::path file;  // that it was made of
  onnx::Model model;           // the file, cleaned; its weights lie in it or beside the file
};

// Adds "structure", "weights of the files" and "tensors of the files" (stage 0), and a note for a file that has another
// SHA-256 than the one that was imported. A graph for which there is no file is untestable. Errors: kInput for a file
// that cannot be read; what is wrong with the bundle is a failed check.
Status CheckSourceFiles(const bundle::Bundle& bundle, std::span<const SourceFile> files, Log& log, Report& report);

// The same where no file was cleaned: the graphs of another bundle, which must be the bundle's own. The checks are
// "structure", "weights of the source" and "tensors of the source". Errors: kInput if a graph of `source` cannot be
// read.
Status CheckSourceGraphs(const bundle::Bundle& bundle, const bundle::Bundle& source, Log& log, Report& report);

}  // namespace vlaq::verify
