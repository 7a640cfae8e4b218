/*
 * Preloaded into wrk: instead of sleeping until something comes, it looks again and again. To wake
 * a process costs its waker CPU time, and here that is the server that is measured.
 */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* In ns. wrk has one thread that waits, and asks when that has ended. */
static long idle;

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* Not every architecture has the system call of this name; all have epoll_pwait. */
static int look(int epoll, struct epoll_event *events, int most) {
  return syscall(SYS_epoll_pwait, epoll, events, most, 0, NULL, 0);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout) {
  int found = look(epoll, events, most);
  if (found != 0) return found;
  long begin = now(), end = begin;
  while (found == 0 && (timeout < 0 || end - begin < timeout * 1000000L)) {
    found = look(epoll, events, most);
    end = now();
  }
  idle += end - begin;
  return found;
}

/* For how long nothing was there to be done, in seconds; see wrk.lua. */
double seconds_idle(void) { return idle / 1e9; }
