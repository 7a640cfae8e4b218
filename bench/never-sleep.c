/*
 * Preloaded into wrk: polls instead of sleeping. Waking a process costs the CPU time of the process
 * that wakes it, and here that is the measured server.
 */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* In ns. Only one thread of wrk waits, and wrk reads this value after that thread has ended. */
static long idle;

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* Some architectures have no epoll_wait system call; all have epoll_pwait. */
static int look(int epoll, struct epoll_event *events, int most) {
  return syscall(SYS_epoll_pwait, epoll, events, most, 0, NULL, 0);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
  int found = look(epoll, events, most);
  if (found != 0) return found;
  long start = now(), end = start;
  while (found == 0 && (timeout < 0 || end - start < timeout * 1000000L)) {
    found = look(epoll, events, most);
    end = now();
  }
  idle += end - start;
  return found;
}

/* How long there was nothing to do, in seconds; see wrk.lua. */
double seconds_idle(void) { return idle / 1e9; }
