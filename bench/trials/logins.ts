/** Reading while 100 people sign in at once: their passwords are hashed beside. */
import { hashPassword } from '../../src/users/passwords.ts';
import { compare, roundsLast } from '../compare.ts';
import type { Server } from '../server.ts';
import type { Trial } from '../trial.ts';
import { list } from '../workloads/list.ts';

/** So many wait at once; who is let in is followed by the next. */
const people = 100;

const password = 'known to all the world';

/** The hashing has threads of its own, which must not have to share the server's core. */
const cores = '0,1';

export const logins: Trial = {
  name: 'logins',
  lasts: (settings) => roundsLast(settings, 3) + settings.rounds * 2,
  run: async (lab) => {
    const file = await lab.copy();
    const hash = await hashPassword(password);
    lab.change(file, (sqlite) => sqlite.prepare('update users set password_hash = ?').run(hash));
    const pool = lab.pool(list, file);
    const server = await lab.snug(file, { cores });
    const rates: number[] = [];
    const contestants = {
      floor: { server: await lab.floor(server, pool, { cores }) },
      quiet: { server },
      busy: { server, beside: () => signInBeside(server, rates) },
    };
    const title = `${list.title}, 100 logins beside`;
    const comparison = await compare(lab, { title }, pool, contestants, { sharesCore: true });
    return { comparisons: { logins: comparison }, values: { 'logins/s': rates.slice(1) } };
  },
};

/** Begins to sign in; returns how to end it, which tells how many have been let in each second. */
function signInBeside(server: Server, rates: number[]): () => Promise<void> {
  const begin = performance.now();
  let isOver = false;
  let count = 0;
  const loops = Array.from({ length: people }, async (_, person) => {
    while (!isOver) {
      await signIn(server, `User ${1 + person}`);
      count++;
    }
  });
  const all = Promise.all(loops);
  // Looked at when it is over; a failure before that is none that nobody handles.
  all.catch(() => undefined);
  return async () => {
    isOver = true;
    await all;
    rates.push(count / ((performance.now() - begin) / 1000));
  };
}

async function signIn({ url }: Server, name: string): Promise<void> {
  const response = await fetch(`${url}/api/login`, {
    method: 'POST',
    body: new URLSearchParams({ name, password }),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`a login was answered with ${response.status}`);
}
