/* Stands in for libcurl in a program with a static libhdf5, whose driver "ros3" for files in Amazon's cloud names these
   eight functions. vlaq never asks for that driver; who did would be told that it cannot start. */
#include <stddef.h>

enum { kFailedInit = 2 }; /* CURLE_FAILED_INIT */

int curl_global_init(long flags);
void curl_global_cleanup(void);
void* curl_easy_init(void);
void curl_easy_cleanup(void* handle);
int curl_easy_perform(void* handle);
int curl_easy_setopt(void* handle, int option, ...);
void* curl_slist_append(void* list, const char* text);
void curl_slist_free_all(void* list);

int curl_global_init(long flags) { return (void)flags, kFailedInit; }
void curl_global_cleanup(void) {}
void* curl_easy_init(void) { return NULL; }
void curl_easy_cleanup(void* handle) { (void)handle; }
int curl_easy_perform(void* handle) { return (void)handle, kFailedInit; }
int curl_easy_setopt(void* handle, int option, ...) { return (void)handle, (void)option, kFailedInit; }
void* curl_slist_append(void* list, const char* text) { return (void)list, (void)text, NULL; }
void curl_slist_free_all(void* list) { (void)list; }
