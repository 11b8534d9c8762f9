#include "base/shared_library.h"

#include <dlfcn.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VLAQ_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VLAQ_SANITIZED 1
#endif
#endif

namespace vlaq {
namespace fs = std::filesystem;

fs::path ProgramFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

std::vector<fs::path> ProgramLibraryFolders() {
  const fs::path program = ProgramFolder();
  return {program.parent_path() / "lib", program};
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

}  // namespace vlaq
