/** Automatic backups of the server. */
import { copyFileSync, existsSync, readdirSync, renameSync } from 'node:fs';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { startBackups, watchBackups } from '../../src/jobs/backups.ts';
import { ask, emptyFile, largeFile, mode, unfinishedIn } from '../helpers/backups.ts';
import { startServer } from '../helpers/server.ts';
import { startWorld, tempFolder } from '../helpers/world.ts';

const hour = 3_600_000;
const noon = Date.parse('2026-11-22T12:00:00Z');

/** A stand-in for the program: a script that gets the folder as $0, and the new file as $2. */
const script = (text: string) => (folder: string) => ['sh', '-c', text, folder];

const quick = script('echo "a backup" > "$2"');

/**
 * Scheduled backups with a stand-in program and a test clock. Real time passes too: every 30 ms the
 * job compares the clock with the age of the newest backup.
 */
async function start(t: Test, program: (folder: string) => string[], settings = {}) {
  const folder = await tempFolder(t);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const clock = { now: noon, checks: 0 };
  const read = () => {
    clock.checks++;
    return clock.now;
  };
  const schedule = () => {
    const all = { backupDir: folder, backupEvery: 30, backupKeep: 3, ...settings };
    const stop = startBackups(all, log, { clock: read, program: program(folder) });
    t.teardown(stop);
    return stop;
  };
  const names = () => readdirSync(folder).sort();
  const until = async (isDone: () => boolean) => {
    while (!isDone()) await sleep(5);
  };
  /** Resolves after this many checks, when everything due before them is done. */
  const checks = (count: number) => {
    const before = clock.checks;
    return until(() => clock.checks >= before + count);
  };
  return { folder, lines, clock, schedule, names, until, checks };
}

t.test('a backup is made when the newest is too old, and the oldest are removed', async (t) => {
  const { clock, schedule, names, until, checks, lines } = await start(t, quick);
  schedule();
  await until(() => lines.length === 1);
  t.strictSame(names(), ['snug-2026-11-22T120000Z.db']);
  await checks(4);
  t.equal(names().length, 1, 'none before it is due');
  for (let i = 1; i <= 4; i++) {
    clock.now += hour;
    await until(() => lines.length === i + 1);
  }
  t.strictSame(
    names(),
    ['14', '15', '16'].map((at) => `snug-2026-11-22T${at}0000Z.db`),
  );
  t.strictSame(
    lines.map(({ level, msg }) => [level, msg]),
    Array.from({ length: 5 }, () => [30, 'backed up']),
  );
});

t.test(
  'neither a restart nor a clock that jumps makes many backups, or removes good ones',
  async (t) => {
    const { folder, clock, schedule, names, checks, until, lines } = await start(t, quick);
    const made = ['2026-11-22T090000Z', '2026-11-22T100000Z', '2026-11-22T120000Z'];
    const others = ['snug.db', 'snug-2026-11-01.db', 'diary.txt', 'snug-2026-11-01T000000Z.db.gz'];
    // Made while the clock was wrong.
    const future = ['2031-01-01T000000Z', '2031-01-02T000000Z', '2031-01-03T000000Z'];
    const files = [...[...made, ...future].map((at) => `snug-${at}.db`), ...others];
    for (const name of files) {
      await writeFile(join(folder, name), '');
      await utimes(join(folder, name), 0, 0);
    }
    for (let i = 0; i < 3; i++) {
      const checked = checks(3);
      const stop = schedule();
      await checked;
      await stop();
    }
    t.strictSame(names(), files.toSorted(), 'the existing one is enough');

    clock.now += hour;
    schedule();
    await until(() => lines.length === 1);
    const expected = files.filter((name) => name !== `snug-${made[0]}.db`);
    t.strictSame(names(), [...expected, 'snug-2026-11-22T130000Z.db'].sort());
  },
);

t.test('a failed backup is logged in one line, removes nothing, and is retried', async (t) => {
  const failing = script('test -e "$0/room" || { echo "snug: No room." >&2; exit 1; }');
  const { folder, clock, schedule, names, until, lines } = await start(t, failing);
  const existing = [1, 2, 3, 4].map((day) => `snug-2026-11-0${day}T000000Z.db`);
  for (const name of existing) await writeFile(join(folder, name), '');
  schedule();
  await until(() => lines.length === 3);
  for (const line of lines) {
    t.match(line, { level: 50, msg: 'the backup failed', reason: 'snug: No room.' });
  }
  t.strictSame(names(), existing);
  clock.now += hour;
  await writeFile(join(folder, 'room'), '');
  await until(() => lines.at(-1)?.level === 30);
});

t.test('a program that cannot run, or is killed, counts as a failure too', async (t) => {
  for (const program of [() => ['/nowhere/at/all'], script('kill -9 $$')]) {
    const { schedule, until, lines } = await start(t, program);
    schedule();
    await until(() => lines.length === 2);
    t.match(lines, [{ level: 50 }, { level: 50, reason: /ENOENT|SIGKILL/ }]);
  }
});

t.test('stopping ends the backup in progress, and leaves nothing of it', async (t) => {
  const slow = script('echo half > "$0/.snug-backup-$$.tmp"; exec sleep 60');
  const { folder, schedule, names, lines } = await start(t, slow);
  const stop = schedule();
  await unfinishedIn(folder);
  const start_ = performance.now();
  await stop();
  t.ok(performance.now() - start_ < 5_000);
  t.strictSame(names(), []);
  t.strictSame(lines, [], 'and it is no failure');
  const atOnce = schedule();
  await atOnce();
  t.strictSame(names(), []);
});

t.test('without a folder there are no backups', async (t) => {
  const { schedule, names, clock } = await start(t, quick, { backupDir: '' });
  await schedule()();
  t.strictSame([names(), clock.checks], [[], 0]);
});

t.test('a missing folder is not created, because its disk may be unmounted', async (t) => {
  const backupDir = join(await tempFolder(t), 'stick');
  const { schedule, until, lines } = await start(t, quick, { backupDir });
  schedule();
  await until(() => lines.length === 2);
  const reason = `There is no folder ${backupDir}. Mount its disk, or create it.`;
  t.match(lines, [{ level: 50, msg: 'the backup failed', reason }, { reason }]);
  t.notOk(existsSync(backupDir));
});

t.test('late backups are reported every day, until there is a new one', async (t) => {
  const { folder, lines, clock, until } = await start(t, quick);
  const file = await emptyFile(t);
  const settings = { backupDir: folder, backupEvery: hour, backupKeep: 3 };
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const checked = { times: 0 };
  const watch = watchBackups(settings, log, {
    clock: () => {
      checked.times++;
      return clock.now;
    },
    interval: 10,
  });
  t.teardown(watch.stop);
  const checks = (count: number) => {
    const before = checked.times;
    return until(() => checked.times >= before + count);
  };
  t.equal(watch.areLate(), false, 'not before the first check');
  await until(() => lines.length === 1);
  t.match(lines[0], { level: 40, msg: 'backups are late: the newest one is too old' });
  t.equal(watch.areLate(), true);
  await checks(3);
  t.equal(lines.length, 1);
  clock.now += 24 * hour;
  await until(() => lines.length === 2);
  const name = `snug-${new Date(clock.now - hour).toISOString().slice(0, 19).replaceAll(':', '')}Z.db`;
  copyFileSync(file, join(folder, name));
  await until(() => !watch.areLate());
  clock.now += 1.5 * hour;
  await until(() => watch.areLate());
  await checks(3);
  t.equal(lines.length, 2, 'not again on the same day');
});

t.test('health reports late backups to this machine only, and stays healthy', async (t) => {
  const state = { areLate: false };
  const { nobody } = await startWorld(t, {}, { areBackupsLate: () => state.areLate });
  const health = async (headers = {}) => {
    const { status, text } = await nobody().get('/healthz', { host: 'localhost', ...headers });
    t.equal(status, 200);
    return text;
  };
  t.equal(await health(), '{"status":"ok"}');
  state.areLate = true;
  t.equal(await health(), '{"status":"ok","backup":"late"}');
  t.equal(await health({ 'x-forwarded-for': '192.0.2.1' }), '{"status":"ok"}');
});

t.test('the server makes a backup at its start, and can stop during one', async (t) => {
  const file = await emptyFile(t);
  const folder = await tempFolder(t);
  const env = { BACKUP_DIR: folder };
  const server = await startServer(t, file, { env, nodeArgs: ['--disable-sigusr1'] });
  const [, name = ''] = await server.wrote(/"backup":"(snug-[^"]+)"/);
  t.equal(await server.end('SIGTERM'), 0);
  t.strictSame(readdirSync(folder), [name]);
  t.match(name, /^snug-20\d\d-\d\d-\d\dT\d{6}Z\.db$/);
  t.equal(mode(join(folder, name)), '600');
  t.strictSame(ask(join(folder, name), 'pragma integrity_check'), ['ok']);

  renameSync(join(folder, name), join(folder, 'snug-2026-01-01T000000Z.db'));
  const again = await startServer(t, await largeFile(t), { env });
  await unfinishedIn(folder);
  const start = performance.now();
  t.equal(await again.end('SIGTERM'), 0);
  t.ok(performance.now() - start < 2_000, 'the stop waits for nothing');
  t.strictSame(readdirSync(folder), ['snug-2026-01-01T000000Z.db']);
  t.notMatch(again.output(), /"level":[56]0/, 'no error in its log');
});
