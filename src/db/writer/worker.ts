/** The thread that writes; thread.ts is its other end. */
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '../file/connection.ts';
import { unmovedCheck } from '../file/sqlite-errors.ts';
import type { Task } from '../unit-of-work.ts';
import { isOfUpgrade, runUpgrade } from '../upgrade-thread.ts';
import { type NamedTask, serialize, type WorkerData, type WorkerRequest } from './messages.ts';
import { type Outcome, SqliteWriter, type Writer } from './sqlite-writer.ts';
import { type Mutations, storeMutations } from './store-mutations.ts';

/** Does what thread.ts asks for, until it asks to close; it cannot do any other commands. */
export function runWriter(commands: Mutations): void {
  if (parentPort === null) throw new Error('the writer is to be run in a thread');
  const port = parentPort;
  if (isOfUpgrade(workerData)) {
    void runUpgrade(workerData, port);
    return;
  }
  const known = { ...storeMutations, ...commands };
  const writer = openWriter(workerData);
  port.postMessage(serialize({ result: 'opened' }));
  port.on('message', async (question: WorkerRequest) => {
    port.postMessage(serialize(await attempt(writer, known, question)));
    if (question.kind === 'close') port.close();
  });
}

function openWriter({ file, identities }: WorkerData): Writer {
  const check = unmovedCheck(identities);
  // To open a file that is gone would make an empty one.
  check();
  return new SqliteWriter(connect(file), { clock: Date.now, check });
}

async function attempt(
  writer: Writer,
  known: Mutations,
  question: WorkerRequest,
): Promise<Outcome> {
  try {
    return { result: await answer(writer, known, question) };
  } catch (error) {
    return { error };
  }
}

async function answer(writer: Writer, known: Mutations, question: WorkerRequest): Promise<unknown> {
  if (question.kind !== 'write') return writer[question.kind]();
  const written = await writer.write(question.batch.map((task) => find(known, task)));
  return { ...written, outcomes: written.outcomes.map(serialize) };
}

function find(known: Mutations, { name, input }: NamedTask): Task {
  const mutation = known[name];
  if (mutation === undefined) throw new Error(`the writer knows no command ${name}`);
  return { mutation, input };
}
