/*
 * Preloaded into a server: sleeps for SLOW_FSYNC ms after each fsync and fdatasync, to imitate a
 * slower disk. Changes nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int slowly(long call, int file) {
  int result = syscall(call, file);
  int error = errno;
  const char *text = getenv("SLOW_FSYNC");
  long ms = text ? atol(text) : 0;
  struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
  errno = error;
  return result;
}

int fsync(int file) { return slowly(SYS_fsync, file); }

int fdatasync(int file) { return slowly(SYS_fdatasync, file); }
