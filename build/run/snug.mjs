#!/usr/bin/env node
/** The entry point: runs the compiled program. */
import './requirements.mjs';
import { createRequire } from 'node:module';

// As in load.mjs.
const require = createRequire(import.meta.url);
const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');

// A thread of Node's pool that has hashed a password once holds 36 MB forever. So the pool has only as
// many threads as hash at the same time (users/passwords.ts) and one for the log; Node's default is 4.
process.env.UV_THREADPOOL_SIZE ??= String(Math.min(4, Math.max(2, availableParallelism())));

// Check the scripts that are loaded later too.
for (const name of ['compilers.js', 'writer.js', 'writer.mjs']) {
  if (!existsSync(new URL(name, import.meta.url))) isIncomplete(`${name} is missing`);
}

try {
  require('./load.mjs').load('program');
} catch (error) {
  // Once the program runs, it handles its own errors.
  isIncomplete(String(error?.message).split('\n', 1)[0]);
}

function isIncomplete(reason) {
  giveUp(`The program is incomplete (${reason}). Run: npm ci && npm run build`);
}

function giveUp(sentence) {
  console.error(`snug: ${sentence}`);
  process.exit(1);
}
