/* Stands in for glibc's function of this name, which came with 2.36: a static libstdc++ built there asks it for
   std::random_device, and boards have older ones. */
#include <stdint.h>
#include <sys/random.h>

uint32_t arc4random(void);

uint32_t arc4random(void) {
  uint32_t number = 0;
  while (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
  }
  return number;
}
