/** Manual backups: their contents, their permissions, and the leftovers of failed ones. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { applicationId } from '../../src/db/file/header.ts';
import {
  ask,
  contents,
  edit,
  emptyFile,
  largeFile,
  mode,
  namedFile,
  refuses,
  run,
  unfinishedIn,
} from '../helpers/backups.ts';
import { seedOf } from '../helpers/random.ts';
import { RemotePerson, spawnSnug, startServer } from '../helpers/server.ts';
import { openEvents } from '../helpers/sse.ts';
import { without } from '../helpers/tools.ts';
import { password, tempFolder } from '../helpers/world.ts';

/** Posts a message and returns its id. */
async function post(person: RemotePerson, chat: string, content: string): Promise<number> {
  const answer = await person.send('POST', chat, { content });
  if (answer.status !== 201) throw new Error(`not sent: ${await answer.text()}`);
  return Number(answer.headers.get('location')?.split('/').at(-1));
}

/** Four writers in one chat; `posted` holds the acknowledged messages. */
function startWriters(person: RemotePerson, chat: string) {
  const posted = new Map<number, string>();
  let isOver = false;
  const write = async (name: string) => {
    for (let i = 0; !isOver; i++) {
      const content = `${name} ${i} ${'and so on '.repeat(300)}`;
      posted.set(await post(person, chat, content), content);
    }
  };
  const writers = Promise.all(['one', 'two', 'three', 'four'].map(write));
  const reach = async (count: number) => {
    while (posted.size < count) await sleep(5);
  };
  const end = () => {
    isOver = true;
    return writers;
  };
  return { posted, reach, end };
}

/** Reads a chat from its start. */
async function readAll(person: RemotePerson, chat: string): Promise<Map<number, string>> {
  const read = new Map<number, string>();
  for (let after = 1; ; ) {
    const answer = await person.get(`${chat}?after=${after}&limit=200`);
    const { messages } = (await answer.json()) as { messages: { id: number; content: string }[] };
    for (const { id, content } of messages) read.set(id, content);
    if (messages.length === 0) return read;
    after = messages.at(-1)?.id ?? 0;
  }
}

async function signIn(url: string, name: string): Promise<RemotePerson> {
  const person = new RemotePerson(url);
  const answer = await person.send('POST', '/api/login', { name, password });
  const pairs = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  return Object.assign(person, { cookie: pairs.join('; ') });
}

const secret = 'Zanzibar shall never be mentioned again.';

t.test('a backup during writes has all earlier messages, also after a restore', async (t) => {
  const file = await largeFile(t);
  const server = await startServer(t, file);
  const alice = await new RemotePerson(server.url).register('alice');
  const made = await alice.send('POST', '/api/chats', { title: 'Sunday hike' });
  const chat = String(made.headers.get('location'));
  const gone = await post(alice, chat, secret);
  t.equal((await alice.send('DELETE', `${chat}/messages/${gone}`, {})).status, 200);
  const writers = startWriters(alice, chat);
  await writers.reach(50);

  const before = [...writers.posted.keys()];
  const folder = await tempFolder(t);
  const copy = join(folder, 'copy.db');
  const wrapper = ['sh', '-c', 'umask 000; exec "$@"', 'sh'];
  const backup = spawnSnug(t, {
    args: ['backup', copy],
    wrapper,
    env: { DATABASE_URL: file },
  });
  const unfinished = await unfinishedIn(folder);
  t.equal(mode(join(folder, unfinished)), '600', 'it is private even while unfinished');
  backup.child.kill('SIGSTOP');
  const log = () => statSync(`${file}-wal`).size;
  const start = log();
  while (log() < start + 4_000_000) await writers.reach(writers.posted.size + 10);
  t.notOk(existsSync(copy));
  const during = [...writers.posted.keys()].filter((id) => !before.includes(id));
  backup.child.kill('SIGCONT');
  t.equal(await backup.exited, 0, backup.output());
  const grown = log();
  await writers.reach(writers.posted.size + 400);
  // While a backup reads, the WAL cannot restart and grows with every write. Afterwards it is
  // checkpointed at 16 MB, and more is written during the checkpoint.
  const most = Math.max(grown, 20_000_000);
  t.ok(log() <= most, `the WAL stops growing: ${start}, ${grown}, ${log()} bytes`);
  await writers.end();
  t.equal(await server.end('SIGTERM'), 0);
  const lastPosted = Math.max(...writers.posted.keys());

  t.strictSame(readdirSync(folder), ['copy.db']);
  t.equal(mode(copy), '600');
  t.strictSame(ask(copy, 'pragma integrity_check'), ['ok']);
  t.strictSame(ask(copy, 'pragma application_id'), [applicationId]);
  t.strictSame(ask(copy, 'pragma user_version'), ask(file, 'pragma user_version'));
  t.notOk(readFileSync(copy).includes(secret.slice(0, 30)), 'deleted text is not in it');

  const newFile = join(await tempFolder(t), 'new', 'snug.db');
  t.match(await run(t, newFile, ['restore', copy]), { code: 0, errors: '' });
  const second = await startServer(t, newFile);
  const stranger = Object.assign(new RemotePerson(second.url), { cookie: alice.cookie });
  t.equal((await stranger.get(chat)).status, 403, 'all sessions have ended');
  const again = await signIn(second.url, 'alice');
  const restored = await readAll(again, chat);
  t.strictSame(
    before.filter((id) => !restored.has(id)),
    [],
    'everything acknowledged before',
  );
  t.strictSame(
    during.slice(-5).filter((id) => restored.has(id)),
    [],
    'it is a snapshot of the moment it started',
  );
  const last = Math.max(...restored.keys());
  const upToLast = [...writers.posted].filter(([id]) => id <= last).sort(([a], [b]) => a - b);
  t.strictSame([...restored], upToLast, 'byte for byte, without a gap');
  const found = async (word: string) => {
    const answer = await again.get(`/api/search?q=${word}&limit=1`);
    return ((await answer.json()) as { hits: unknown[] }).hits.length;
  };
  t.strictSame([await found('so'), await found('Zanzibar')], [1, 0]);

  for (const lastEventId of [lastPosted, last, 1, lastPosted + 1].map(String)) {
    const reader = await openEvents(t, { url: second.url, cookie: again.cookie, lastEventId });
    await reader.until(() => reader.events.length > 0);
    t.match(
      reader.events,
      [{ type: 'reset' }],
      `a client that has read up to ${lastEventId} reloads everything`,
    );
  }
  t.ok((await post(again, chat, 'We have moved.')) > lastPosted, 'no id is used twice');
  t.equal(await second.end('SIGTERM'), 0);
});

t.test('a backup stopped by kill -9 gets no name, and the next one removes its file', async (t) => {
  const file = await largeFile(t);
  const folder = await tempFolder(t);
  const seed = seedOf(t);
  for (let round = 0; round < 4; round++) {
    const copy = join(folder, `${round}.db`);
    const backup = spawnSnug(t, { args: ['backup', copy], env: { DATABASE_URL: file } });
    await unfinishedIn(folder);
    await sleep((seed >>> (round * 7)) % 300);
    backup.child.kill('SIGKILL');
    await backup.exited;
    if (existsSync(copy))
      t.strictSame(ask(copy, 'pragma integrity_check'), ['ok'], 'it was complete');
    for (const name of readdirSync(folder))
      t.match(name, /^(\d\.db|\.snug-backup-\d+\.tmp(-journal)?)$/);
    // Left for the last backup to remove.
    if (round < 3) copyFileSync(file, join(folder, `.snug-backup-${backup.child.pid}.tmp`));
  }
  const others = ['.snug-backup-1.tmp', '.snug-backup-x.tmp', 'snug-backup-7.tmp', 'diary.tmp'];
  for (const name of others) await writeFile(join(folder, name), '');
  t.match(await run(t, file, ['backup', join(folder, 'last.db')]), { code: 0 });
  const left = readdirSync(folder).filter((name) => !/^\d\.db$/.test(name));
  t.strictSame(left.sort(), [...others, 'last.db'].sort(), 'only files with no writer are removed');
  t.strictSame(ask(file, 'pragma integrity_check'), ['ok']);
});

t.test(
  'a backup that runs out of space changes nothing',
  { skip: without('strace') },
  async (t) => {
    const file = await namedFile(t, 'Sunday hike');
    const server = await startServer(t, file);
    const folder = await tempFolder(t);
    await writeFile(join(folder, 'yesterday.db'), 'an older one');
    const before = contents(folder);
    const copy = join(folder, 'copy.db');
    const sentence = `There is not enough disk space for ${copy}. Free some space and try again.`;
    for (const error of [
      'pwrite64:error=ENOSPC:when=20+',
      'pwrite64:error=EDQUOT:when=20+',
      'statfs:error=ENOSPC',
    ]) {
      await refuses(t, file, ['backup', copy], sentence, inject(error));
      t.strictSame(contents(folder), before);
    }
    const broken = `${copy} cannot be read or written (EIO). Check its folder and who owns it.`;
    // The file is synced in small steps, so that no commit of the server waits for all of it.
    for (const error of ['fdatasync:error=EIO', 'rename:error=EIO']) {
      await refuses(t, file, ['backup', copy], broken, inject(error));
      t.strictSame(contents(folder), before);
    }
    t.ok(await new RemotePerson(server.url).register('bob'), 'the server is alive');
    t.equal(await server.end('SIGTERM'), 0);
  },
);

/** The command prefix that makes a system call of the program fail. */
function inject(error: string): string[] {
  const calls = `trace=${error.split(':')[0]}`;
  return [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    calls,
    '-e',
    `inject=${error}`,
  ];
}

t.test('a backup is refused if its target cannot be written or there is no database', async (t) => {
  const file = await namedFile(t, 'Sunday hike');
  const folder = await tempFolder(t);
  const taken = join(folder, 'taken.db');
  await writeFile(taken, 'mine');
  await mkdir(join(folder, 'folder'));
  const before = contents(join(file, '..'));
  const say = (args: string[], sentence: string) => refuses(t, file, ['backup', ...args], sentence);
  await say([], 'Usage: snug backup FILE');
  await say(['a', 'b'], 'Usage: snug backup FILE');
  for (const name of ['taken.db', 'folder']) {
    const path = join(folder, name);
    await say([path], `${path} already exists. Name a new file.`);
  }
  await say([`${file}-wal`], `The database itself uses the name ${file}-wal. Name another file.`);
  await say(
    [join(folder, 'nowhere', 'copy.db')],
    `${join(folder, 'nowhere', 'copy.db')} cannot be read or written (ENOENT). Check its folder and who owns it.`,
  );
  t.strictSame(contents(join(file, '..')), before);
  t.equal(readFileSync(taken, 'utf8'), 'mine');
  const none = join(folder, 'none.db');
  const copy = join(folder, 'copy.db');
  await refuses(
    t,
    none,
    ['backup', copy],
    `There is no database at ${none}. Name it in DATABASE_URL.`,
  );
  await refuses(
    t,
    taken,
    ['backup', copy],
    `There is no database at ${taken}. Name it in DATABASE_URL.`,
  );
  t.strictSame(readdirSync(folder).sort(), ['folder', 'taken.db']);
});

t.test('a damaged database cannot be backed up', async (t) => {
  const file = await emptyFile(t);
  edit(file, 'pragma foreign_keys = off; insert into removals values (1, 2)');
  const copy = join(await tempFolder(t), 'copy.db');
  await refuses(t, file, ['backup', copy], `${file} is damaged. Restore an earlier backup.`);
  t.notOk(existsSync(copy));
});
