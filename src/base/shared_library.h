// Libraries that are loaded while the program runs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace vlaq {

// The folder of the running program.
std::filesystem::path ProgramFolder();

// Where vlaq's own libraries are looked for: beside libvlaq.so where this code is part of that, whatever program uses
// it; then ../lib beside the program's folder, and its folder itself.
std::vector<std::filesystem::path> ProgramLibraryFolders();

// False under sanitizers, whose run-time libraries end a program that asks for RTLD_DEEPBIND.
bool CanPreferOwnSymbols();

// Loads `path` with its symbols to itself. With `own_symbols_first` it and what it brings along prefer their own
// definitions to the program's: for a library that carries another copy of something the program uses, too (where
// CanPreferOwnSymbols()). Never unloaded. Errors: kInput with the loader's reason.
Result<void*> LoadSharedLibrary(const std::filesystem::path& path, bool own_symbols_first);

// The address of a symbol, or nullptr.
void* FindSymbol(void* library, const char* name);

// The library or program that a symbol's address belongs to, as the loader found it; empty if there is none.
std::filesystem::path FileOfSymbol(const void* address);

}  // namespace vlaq
