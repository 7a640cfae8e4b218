import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** The pause between two syncs, in ms. */
const pause = 10;

/**
 * Syncs a file repeatedly, in a thread of its own, so that the caller may block meanwhile. Data
 * written without a sync gathers in memory, and goes to the disk all at once when the system
 * decides: a commit of another process then waits for all of it. On ext4 it must wait, because a
 * journal that grows is synced together with the new data of other files.
 *
 * @returns a function that syncs once more and ends the thread; it rejects with the error of a sync
 *   that failed, because the system reports that only once.
 */
export function keepSyncing(file: string): () => Promise<void> {
  const workerData = { file, pause };
  // Passed as source text, because the bundle has no file for it.
  const worker = new Worker(`(${syncUntilStopped})()`, { eval: true, execArgv: [], workerData });
  const ended = once(worker, 'exit');
  return async () => {
    worker.postMessage('stop');
    await ended;
  };
}

/** Runs in the thread, so it cannot use anything from this module. */
function syncUntilStopped(): void {
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
