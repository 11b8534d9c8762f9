#include "base/shared_library.h"

#include <dlfcn.h>
#include <link.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VLAQ_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VLAQ_SANITIZED 1
#endif
#endif

namespace vlaq {
namespace fs = std::filesystem;
namespace {

// The folder of the shared library that this code is part of; empty if that is the program itself, which the loader
// keeps without a name.
fs::path OwnLibraryFolder() {
  ::Dl_info info{};
  ::link_map* map = nullptr;
  const void* here = reinterpret_cast<const void*>(&OwnLibraryFolder);
  const int found = ::dladdr1(here, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
  if (found == 0 || map == nullptr || map->l_name == nullptr || *map->l_name == '\0') return {};
  std::error_code error;
  const fs::path file = fs::canonical(map->l_name, error);
  return error ? fs::path() : file.parent_path();
}

}  // namespace

fs::path ProgramFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

std::vector<fs::path> ProgramLibraryFolders() {
  std::vector<fs::path> folders;
  if (fs::path own = OwnLibraryFolder(); !own.empty()) folders.push_back(std::move(own));
  const fs::path program = ProgramFolder();
  folders.push_back(program.parent_path() / "lib");
  folders.push_back(program);
  return folders;
}

bool CanPreferOwnSymbols() {
#ifdef VLAQ_SANITIZED
  return false;
#else
  return true;
#endif
}

Result<void*> LoadSharedLibrary(const fs::path& path, bool own_symbols_first) {
  int flags = RTLD_NOW | RTLD_LOCAL;
  if (own_symbols_first && CanPreferOwnSymbols()) flags |= RTLD_DEEPBIND;
  ::dlerror();
  void* handle = ::dlopen(path.c_str(), flags);
  if (handle != nullptr) return handle;
  const char* reason = ::dlerror();
  return InputError(path.string(), reason != nullptr ? reason : "cannot be loaded");
}

void* FindSymbol(void* library, const char* name) { return ::dlsym(library, name); }

fs::path FileOfSymbol(const void* address) {
  ::Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  return info.dli_fname;
}

}  // namespace vlaq
