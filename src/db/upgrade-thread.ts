/**
 * An upgrade in a thread of its own, so that the server can answer requests and report its
 * progress.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { OperatorError } from '../errors.ts';
import type { Report } from './file/upgrade.ts';
import { openStore } from './open.ts';
import { deserialize, type SerializedOutcome, serialize } from './writer/messages.ts';

/** The data that the thread starts with. */
interface UpgradeData {
  readonly upgrade: string;
}

/** The messages of the thread: its progress, then its outcome. */
type UpgradeMessage =
  | { readonly report: Parameters<Report> }
  | { readonly sentence: string }
  | SerializedOutcome;

export const isOfUpgrade = (data: object): data is UpgradeData => 'upgrade' in data;

/**
 * Upgrades the database at `path`.
 *
 * @param url a module that calls `runWriter`.
 * @throws OperatorError as `openStore` does.
 */
export function upgradeAside(url: URL, path: string, report: Report): Promise<void> {
  const workerData: UpgradeData = { upgrade: path };
  const worker = new Worker(url, { name: 'upgrade', workerData });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the upgrade thread exited unexpectedly')));
    worker.on('message', (message: UpgradeMessage) => {
      if ('report' in message) return report(...message.report);
      if ('sentence' in message) return reject(new OperatorError(message.sentence));
      const outcome = deserialize(message);
      if ('error' in outcome) reject(outcome.error);
      else resolve();
    });
  });
}

/** Runs in the thread. */
export async function runUpgrade({ upgrade: path }: UpgradeData, port: MessagePort): Promise<void> {
  const send = (message: UpgradeMessage) => port.postMessage(message);
  try {
    const report: Report = (...args) => send({ report: args });
    await openStore(path, { mustExist: true, report }).close();
    send({ result: undefined });
  } catch (error) {
    if (error instanceof OperatorError) send({ sentence: error.message });
    else send(serialize({ error }));
  }
  port.close();
}
