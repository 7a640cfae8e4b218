/** The program of the writer thread: see db/writer/worker-writer.ts. */

import { runWriter } from './db/writer/worker.ts';
import { mutations } from './mutations.ts';

runWriter(mutations);
