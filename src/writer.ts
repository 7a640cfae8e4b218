/** The program of the thread that writes: see db/writer/worker-writer.ts. */

import { runWriter } from './db/writer/worker.ts';
import { mutations } from './mutations.ts';

runWriter(mutations);
