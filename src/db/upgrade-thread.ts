/** An upgrade in a thread of its own, so that the server can say meanwhile that it is upgraded. */
import { type MessagePort, Worker } from 'node:worker_threads';
import { OperatorError } from '../errors.ts';
import type { Report } from './file/upgrade.ts';
import { openStore } from './open.ts';
import { deserialize, type SerializedOutcome, serialize } from './writer/messages.ts';

/** What the thread is started with. */
interface Errand {
  readonly upgrade: string;
}

/** What it answers: what goes on, and then how it went. */
type News =
  | { readonly report: Parameters<Report> }
  | { readonly sentence: string }
  | SerializedOutcome;

export const isOfUpgrade = (data: object): data is Errand => 'upgrade' in data;

/**
 * Brings the database at `path` up to date.
 *
 * @param url a module that calls `runWriter`.
 * @throws OperatorError as `openStore` does.
 */
export function upgradeAside(url: URL, path: string, report: Report): Promise<void> {
  const workerData: Errand = { upgrade: path };
  const worker = new Worker(url, { name: 'upgrade', workerData });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('the upgrade has ended by itself')));
    worker.on('message', (news: News) => {
      if ('report' in news) return report(...news.report);
      if ('sentence' in news) return reject(new OperatorError(news.sentence));
      const outcome = deserialize(news);
      if ('error' in outcome) reject(outcome.error);
      else resolve();
    });
  });
}

/** The other end. */
export async function runUpgrade({ upgrade: path }: Errand, port: MessagePort): Promise<void> {
  const tell = (news: News) => port.postMessage(news);
  try {
    const report: Report = (...said) => tell({ report: said });
    await openStore(path, { mustExist: true, report }).close();
    tell({ result: undefined });
  } catch (error) {
    if (error instanceof OperatorError) tell({ sentence: error.message });
    else tell(serialize({ error }));
  }
  port.close();
}
