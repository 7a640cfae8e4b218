#!/usr/bin/env node
/** What is run: the program, as the build has compiled it. */
import './requirements.mjs';
import { createRequire } from 'node:module';

// As in load.mjs.
const require = createRequire(import.meta.url);
const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');

// A thread of Node's pool that has once hashed a password holds 36 MB for good. Of the four that Node
// would make, those that hash at once (users/passwords.ts) are enough, and one for the log.
process.env.UV_THREADPOOL_SIZE ??= String(Math.min(4, Math.max(2, availableParallelism())));

// What is loaded only once it is needed must be there as well.
for (const name of ['compilers.js', 'writer.js', 'writer.mjs']) {
  if (!existsSync(new URL(name, import.meta.url))) isNotWhole(`${name} is missing`);
}

try {
  require('./load.mjs').load('program');
} catch (error) {
  // The program itself catches what goes wrong once it runs.
  isNotWhole(String(error?.message).split('\n', 1)[0]);
}

function isNotWhole(reason) {
  giveUp(`The program is incomplete (${reason}). Run: npm ci && npm run build`);
}

function giveUp(sentence) {
  console.error(`snug: ${sentence}`);
  process.exit(1);
}
