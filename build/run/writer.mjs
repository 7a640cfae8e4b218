/** The entry point of the writer thread: runs its compiled program. */
import { load } from './load.mjs';

load('writer');
