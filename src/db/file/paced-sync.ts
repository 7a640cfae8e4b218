import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** How long the pause between two syncs is, in ms. */
const pause = 10;

/**
 * Syncs a file again and again, in a thread of its own, so that the caller may block meanwhile. What
 * a program writes without a sync gathers in memory, and goes to the disk at once when the system
 * thinks fit: a commit of another process then waits for all of it. On ext4 it may have to, for a log
 * that grows is synced together with the new data of other files.
 *
 * @returns syncs it once more and ends the thread; rejects with what a sync has failed of, because
 *   the system reports that only once.
 */
export function keepSyncing(file: string): () => Promise<void> {
  const workerData = { file, pause };
  // Given as text, because the bundle has no file for it.
  const worker = new Worker(`(${syncUntilTold})()`, { eval: true, execArgv: [], workerData });
  const ended = once(worker, 'exit');
  return async () => {
    worker.postMessage('stop');
    await ended;
  };
}

/** Runs in the thread, where it sees nothing of what is around it here. */
function syncUntilTold(): void {
  const { fdatasyncSync, openSync } = process.getBuiltinModule('node:fs');
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  const descriptor = openSync(workerData.file, 'r');
  const sync = () => fdatasyncSync(descriptor);
  const timer = setInterval(sync, workerData.pause);
  parentPort?.once('message', () => {
    clearInterval(timer);
    sync();
  });
}
