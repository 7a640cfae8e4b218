/** Preloaded into a server: tells its parent, when asked, how long the event loop was held. */
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
  // To listen is no reason to go on.
  process.channel?.unref();
}
