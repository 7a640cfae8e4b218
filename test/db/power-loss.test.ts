/** After a power cut at any moment, nothing acknowledged is lost, and the file is sound. */
import { statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { openStore } from '../../src/db/open.ts';
import { outside } from '../helpers/database.ts';
import { Disk, readRecord, recording } from '../helpers/power.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { RemotePerson, startServer } from '../helpers/server.ts';
import { without } from '../helpers/tools.ts';
import { tempFolder } from '../helpers/world.ts';

/** About how many moments are tried; `POWER_CUTS=100000 node test/db/power-loss.test.ts`: all. */
const cuts = Number(process.env.POWER_CUTS ?? 24);
if (process.env.POWER_CUTS !== undefined) t.setTimeout(0);

const random = randomNumbers(seedOf(t));

/** An acknowledged text, and the length of the record at that time, at most, in bytes. */
interface Acknowledged {
  readonly text: string;
  readonly by: number;
}

/** Records the disk writes of a server while four people post, until it ends in this way. */
async function record(
  t: Test,
  file: string,
  end: NodeJS.Signals,
  nodeArgs: readonly string[] = [],
) {
  const trace = join(await tempFolder(t), 'trace');
  const paths = [dirname(file), ...['', '-wal', '-journal'].map((name) => `${file}${name}`)];
  const server = await startServer(t, file, { wrapper: recording(trace, paths), nodeArgs });
  const acknowledged: Acknowledged[] = [];
  const write = async (name: string) => {
    const person = await new RemotePerson(server.url).register(name);
    const made = await person.send('POST', '/api/chats', { title: 'Sunday hike' });
    const chat = String(made.headers.get('location'));
    for (let i = 0; i < 20; i++) {
      const text = `${name} ${i} ${longText()}`;
      const { status } = await person.send('POST', chat, { content: text });
      t.equal(status, 201);
      acknowledged.push({ text, by: statSync(trace).size });
    }
  };
  await Promise.all(Array.from({ length: 4 }, () => write(`w${Math.floor(random() * 1e9)}`)));
  await server.end(end);
  return { steps: readRecord(trace), acknowledged };
}

/** Many words, so that a checkpoint comes sooner. */
const longText = () =>
  Array.from({ length: 400 }, () => random().toString(36).slice(2, 8)).join(' ');

/** All texts that a store finds on a disk after a power cut. */
async function textsOn(t: Test, image: Map<string, Buffer>): Promise<Set<unknown>> {
  const folder = await mkdir(join(await tempFolder(t), 'data'), { recursive: true });
  const file = join(String(folder), 'snug.db');
  for (const [path, bytes] of image) await writeFile(join(String(folder), basename(path)), bytes);
  const db = openStore(file);
  const sqlite = outside(t, file);
  const texts = sqlite.prepare('select content from messages').pluck().all();
  const isSound = sqlite.pragma('integrity_check', { simple: true }) === 'ok';
  sqlite.close();
  await db.close();
  if (!isSound) throw new Error('the file is damaged');
  return new Set(texts);
}

/** The states in which a power cut may leave a disk. */
function imagesOf(disk: Disk): [name: string, image: Map<string, Buffer>][] {
  const share = random();
  return [
    ['only what was synced', disk.afterCut(() => false)],
    ['everything written', disk.afterCut(() => true)],
    ['some sectors of it', disk.afterCut(() => random() < share)],
  ];
}

t.test(
  'after a power cut everything acknowledged is there, and the file is sound',
  { skip: without('strace') },
  async (t) => {
    const file = join(await tempFolder(t), 'data', 'snug.db');
    const disk = new Disk(dirname(file));
    const before: string[] = [];
    // The second server finds what the first one left, and ends in order.
    for (const end of ['SIGKILL', 'SIGTERM'] as const) {
      const { steps, acknowledged } = await record(t, file, end);
      for (const [i, step] of steps.entries()) {
        disk.apply(step);
        if (random() > cuts / 2 / steps.length && i < steps.length - 1) continue;
        const since = acknowledged.filter(({ by }) => by <= step.end).map(({ text }) => text);
        for (const [name, image] of imagesOf(disk)) {
          const texts = await textsOn(t, image);
          const lost = [...before, ...since].filter((text) => !texts.has(text)).length;
          t.equal(lost, 0, `${end}, after step ${i} (${step.call}): ${name}`);
        }
      }
      before.push(...acknowledged.map(({ text }) => text));
    }
    t.equal(before.length, 160);
  },
);

/** Makes the program sync only at checkpoints, the default of better-sqlite3. */
const syncSeldom = `
  import vm from 'node:vm';
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(source, options) {
      super(source.replace('synchronous = FULL', 'synchronous = NORMAL'), options);
    }
  };`;

t.test('with synchronous=NORMAL messages could be lost', { skip: without('strace') }, async (t) => {
  const file = join(await tempFolder(t), 'data', 'snug.db');
  const preload = ['--import', `data:text/javascript,${encodeURIComponent(syncSeldom)}`];
  const { steps, acknowledged } = await record(t, file, 'SIGKILL', preload);
  const disk = new Disk(dirname(file));
  for (const step of steps) disk.apply(step);
  const texts = await textsOn(
    t,
    disk.afterCut(() => false),
  );
  t.ok(acknowledged.some(({ text }) => !texts.has(text)));
});
