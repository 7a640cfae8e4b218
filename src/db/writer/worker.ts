/** The writer thread; worker-writer.ts is its other end. */
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '../file/connection.ts';
import { unmovedCheck } from '../file/sqlite-errors.ts';
import type { Task } from '../unit-of-work.ts';
import { isOfUpgrade, runUpgrade } from '../upgrade-thread.ts';
import { type NamedTask, serialize, type WorkerData, type WorkerRequest } from './messages.ts';
import { type Outcome, SqliteWriter, type Writer } from './sqlite-writer.ts';
import { type Mutations, storeMutations } from './store-mutations.ts';

/**
 * Answers the requests of worker-writer.ts until it asks to close. It can only run these mutations.
 */
export function runWriter(mutations: Mutations): void {
  if (parentPort === null) throw new Error('runWriter must run in a worker thread');
  const port = parentPort;
  if (isOfUpgrade(workerData)) {
    void runUpgrade(workerData, port);
    return;
  }
  const all = { ...storeMutations, ...mutations };
  const writer = openWriter(workerData);
  port.postMessage(serialize({ result: 'opened' }));
  port.on('message', async (request: WorkerRequest) => {
    port.postMessage(serialize(await attempt(writer, all, request)));
    if (request.kind === 'close') port.close();
  });
}

function openWriter({ file, identities }: WorkerData): Writer {
  const check = unmovedCheck(identities);
  // Opening a file that is gone would create an empty one.
  check();
  return new SqliteWriter(connect(file), { clock: Date.now, check });
}

async function attempt(
  writer: Writer,
  mutations: Mutations,
  request: WorkerRequest,
): Promise<Outcome> {
  try {
    return { result: await answer(writer, mutations, request) };
  } catch (error) {
    return { error };
  }
}

async function answer(
  writer: Writer,
  mutations: Mutations,
  request: WorkerRequest,
): Promise<unknown> {
  if (request.kind !== 'write') return writer[request.kind]();
  const written = await writer.write(request.batch.map((task) => find(mutations, task)));
  return { ...written, outcomes: written.outcomes.map(serialize) };
}

function find(mutations: Mutations, { name, input }: NamedTask): Task {
  const mutation = mutations[name];
  if (mutation === undefined) throw new Error(`the writer has no mutation ${name}`);
  return { mutation, input };
}
