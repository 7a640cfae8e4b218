/** The program of the thread that writes: see db/writer/worker-writer.ts. */

import { runWriter } from './db/writer/worker.ts';
import { commands } from './mutations.ts';

runWriter(commands);
