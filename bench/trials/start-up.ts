/** The time from the command to the first answer, compared with a Node that does nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { keepTrack } from '../processes.ts';
import { freePort } from '../server.ts';
import type { Trial } from '../trial.ts';

/** How long to wait for the first answer, in ms. */
const patience = 30_000;

export const startUp: Trial = {
  name: 'start-up',
  lasts: ({ rounds }) => (rounds + 1) * 2 + 10,
  run: async (lab) => {
    const file = await lab.copy();
    const starts = { 'start, ms': [], 'node -e 0, ms': [] } as Record<string, number[]>;
    const measures = {
      'start, ms': () => untilAnswer(lab.program, file),
      'node -e 0, ms': untilEnd,
    };
    for (let round = 0; round <= lab.settings.rounds; round++) {
      for (const [name, measure] of lab.random.shuffle(Object.entries(measures))) {
        const time = await measure();
        // The first round warms up.
        if (round > 0) starts[name]?.push(time);
      }
    }
    return { values: starts };
  },
};

async function untilEnd(): Promise<number> {
  const started = performance.now();
  await once(keepTrack(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' })), 'exit');
  return performance.now() - started;
}

async function untilAnswer(program: string, file: string): Promise<number> {
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: String(port), DATABASE_URL: file };
  const started = performance.now();
  const child = keepTrack(spawn(process.execPath, [program, 'serve'], { env, stdio: 'ignore' }));
  const exited = once(child, 'exit');
  while (!(await answers(port))) {
    if (performance.now() - started > patience) throw new Error('the server does not answer');
    await wait(1);
  }
  const time = performance.now() - started;
  child.kill('SIGTERM');
  await exited;
  return time;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', path: '/healthz', agent: false }, (answer) => {
      answer.resume();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}
