/** Preloaded into a server: on request, sends its parent the longest delay of the event loop. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// A server's threads are started with the same options.
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  process.on('message', () => {
    process.send?.(delay.max / 1e6);
    delay.reset();
  });
  // Listening must not keep the process alive.
  process.channel?.unref();
}
