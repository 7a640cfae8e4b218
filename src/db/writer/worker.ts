/** The thread that writes; thread.ts is its other end. */
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '../file/connection.ts';
import { keepPlaces } from '../file/sqlite-errors.ts';
import type { Task } from '../unit-of-work.ts';
import { isOfUpgrade, runUpgrade } from '../upgrade-thread.ts';
import { type Errand, type NamedTask, pack, type Question } from './messages.ts';
import { type Outcome, OwnWriter, type Writer } from './sqlite-writer.ts';
import { type Commands, ownCommands } from './store-mutations.ts';

/** Does what thread.ts asks for, until it asks to close; it cannot do any other commands. */
export function runWriter(commands: Commands): void {
  if (parentPort === null) throw new Error('the writer is to be run in a thread');
  const port = parentPort;
  if (isOfUpgrade(workerData)) {
    void runUpgrade(workerData, port);
    return;
  }
  const known = { ...ownCommands, ...commands };
  const writer = openWriter(workerData);
  port.postMessage(pack({ result: 'opened' }));
  port.on('message', async (question: Question) => {
    port.postMessage(pack(await attempt(writer, known, question)));
    if (question.kind === 'close') port.close();
  });
}

function openWriter({ file, places }: Errand): Writer {
  const check = keepPlaces(places);
  // To open a file that is gone would make an empty one.
  check();
  return new OwnWriter(connect(file), { clock: Date.now, check });
}

async function attempt(writer: Writer, known: Commands, question: Question): Promise<Outcome> {
  try {
    return { result: await answer(writer, known, question) };
  } catch (error) {
    return { error };
  }
}

async function answer(writer: Writer, known: Commands, question: Question): Promise<unknown> {
  if (question.kind !== 'write') return writer[question.kind]();
  const written = await writer.write(question.batch.map((task) => find(known, task)));
  return { ...written, outcomes: written.outcomes.map(pack) };
}

function find(known: Commands, { name, input }: NamedTask): Task {
  const command = known[name];
  if (command === undefined) throw new Error(`the writer knows no command ${name}`);
  return { command, input };
}
