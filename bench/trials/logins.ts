/** Reading while 100 people sign in at once, which makes the server hash their passwords. */
import { hashPassword } from '../../src/users/passwords.ts';
import { compare, roundsLast } from '../compare.ts';
import type { Server } from '../server.ts';
import type { Trial } from '../trial.ts';
import { list } from '../workloads/list.ts';

/** How many sign-ins are in progress at once; each is followed by the next. */
const people = 100;

const password = 'known to all the world';

/** Hashing has its own threads, which must not be confined to the main thread's core. */
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
      busy: { server, background: () => signInRepeatedly(server, rates) },
    };
    const title = `${list.title}, during 100 logins`;
    const comparison = await compare(lab, { title }, pool, contestants, { sharesCore: true });
    return { comparisons: { logins: comparison }, values: { 'logins/s': rates.slice(1) } };
  },
};

/** Starts signing in; returns a function that ends it and adds its sign-ins/s to `rates`. */
function signInRepeatedly(server: Server, rates: number[]): () => Promise<void> {
  const start = performance.now();
  let isOver = false;
  let count = 0;
  const loops = Array.from({ length: people }, async (_, person) => {
    while (!isOver) {
      await signIn(server, `User ${1 + person}`);
      count++;
    }
  });
  const all = Promise.all(loops);
  // Awaited at the end; until then, a failure must not count as an unhandled rejection.
  all.catch(() => undefined);
  return async () => {
    isOver = true;
    await all;
    rates.push(count / ((performance.now() - start) / 1000));
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
