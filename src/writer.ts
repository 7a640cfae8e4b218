/** The program of the thread that writes: see db/thread.ts. */
import { commands } from './commands.ts';
import { runWriter } from './db/worker.ts';

runWriter(commands);
