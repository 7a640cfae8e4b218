/** What is run: the program, as the build has compiled it. */
import { createRequire } from 'node:module';
import { load } from './load.mjs';

// As in load.mjs.
const { availableParallelism } = createRequire(import.meta.url)('node:os');

// A thread of Node's pool that has once hashed a password holds 36 MB for good. Of the four that Node
// would make, those that hash at once (users/passwords.ts) are enough, and one for the log.
process.env.UV_THREADPOOL_SIZE ??= String(Math.min(4, Math.max(2, availableParallelism())));

load('program');
