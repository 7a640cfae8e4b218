/** The operator's commands as typed, on a database that no server has open. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, copyFile, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { createChat } from '../../src/chats/chats.ts';
import type { Subcommand } from '../../src/cli/command.ts';
import { invite } from '../../src/cli/invite.ts';
import { stats } from '../../src/cli/stats.ts';
import { userList } from '../../src/cli/user-list.ts';
import { userCommands } from '../../src/cli/users.ts';
import { indexAllWaiting } from '../../src/jobs/waiting-messages.ts';
import { ensureSetupCode, newSetupCode } from '../../src/server/setup.ts';
import { execute, query } from '../helpers/rows.ts';
import { bundle, runSnug, startServer } from '../helpers/server.ts';
import { without } from '../helpers/tools.ts';
import { openWorld, password, startCast, startWorld, tempFolder } from '../helpers/world.ts';

/** The cast's database without a server: alice, its admin, owns a chat that bob is in; carol. */
async function startFile(t: Test) {
  const { app, db, file, alice, bob, carol, chat } = await startCast(t);
  await alice.send(chat, 'shall we meet?');
  await indexAllWaiting(db);
  await app.close();
  await db.close();
  await chmod(file, 0o600);
  const snug = (args: string, input = '', env = {}) =>
    runSnug(t, file, args.split(' '), { input, env });
  return { file, alice, bob, carol, chat, chatId: Number(chat.split('/').at(-1)), snug };
}

/** Asserts that a command is refused in one sentence; runs in this process, which is quicker. */
async function mistaken(t: Test, file: string, args: string, sentence: string) {
  process.env.DATABASE_URL = file;
  const words = args.split(' ');
  const name = Object.keys(commands).find((name) => `${args} `.startsWith(`${name} `)) ?? '';
  const run = commands[name]?.run(words.slice(name.split(' ').length));
  await t.rejects(run ?? Promise.resolve(), { message: sentence }, args);
}

const commands: Record<string, Subcommand> = {
  ...userCommands,
  'user list': userList,
  ...{ invite, stats },
};

/** Asserts that a command exits with 1 and prints only this. */
async function refuses(t: Test, run: ReturnType<typeof runSnug>, sentence: string) {
  const { code, output } = await run;
  t.strictSame({ code, output }, { code: 1, output: `snug: ${sentence}\n` });
}

t.test('a first user can be added before the first start, and can sign in', async (t) => {
  const file = join(await tempFolder(t), 'new', 'snug.db');
  const add = ['user', 'add', 'Zoë', '--email', 'zoe@example.org'];
  const { code, output } = await runSnug(t, file, add, { input: `${password}\n` });
  t.strictSame({ code, output }, { code: 0, output: 'Added Zoë, id 1.\n' });
  t.equal((statSync(file).mode & 0o777).toString(8), '600');
  const { nobody } = await openWorld(t, file, { REGISTRATION: 'closed' });
  const zoe = nobody();
  t.equal((await zoe.post('/api/login', { name: 'ZOË', password })).status, 200);
  t.match((await zoe.get('/api/session')).body, { user: { name: 'Zoë', role: 'admin' } });
});

t.test('each start and a command print the setup code until it is used', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  const start = async () => {
    const server = await startServer(t, file);
    const [, printed = ''] = await server.wrote(
      /^This server has no accounts yet\..* at (http:\S+)$/m,
    );
    const logged = await server.wrote(/"setup_code":"([a-z2-9-]+)"/);
    t.equal(printed, `${server.url}/#/setup/${logged[1]}`);
    return { ...server, code: String(logged[1]) };
  };
  const first = await start();
  await first.end('SIGTERM');
  const { url, code, end } = await start();
  t.equal(code, first.code, 'it stays the same');
  const env = { PUBLIC_URL: 'https://chat.example.org' };
  const { output } = await runSnug(t, file, ['setup-code'], { env });
  t.equal(output, `https://chat.example.org/#/setup/${code}\n`);
  const fields = { name: 'alice', email: 'a@example.org', password };
  const register = async (setup?: string) => {
    const body = new URLSearchParams({ ...fields, ...(setup !== undefined && { setup }) });
    const headers = { 'x-forwarded-for': '192.0.2.7' };
    return (await fetch(`${url}/api/user`, { method: 'POST', body, headers })).status;
  };
  t.equal(await register(), 403);
  t.equal(await register(code), 201);
  const used = 'This server is already set up: it has its first account, so it needs no code.';
  await refuses(t, runSnug(t, file, ['setup-code']), used);
  await end('SIGTERM');
  const again = await startServer(t, file);
  t.equal((await fetch(`${again.url}/healthz`)).status, 200);
  await again.end('SIGTERM');
  t.notMatch(again.output(), /setup|no accounts/);
});

t.test('adding a first user uses up the setup code', async (t) => {
  const { app, db, file } = await startWorld(t);
  await db.write(ensureSetupCode, { code: newSetupCode() });
  await app.close();
  await db.close();
  const add = ['user', 'add', 'zoe', '--email', 'zoe@example.org', '--generate'];
  t.match((await runSnug(t, file, add)).output, /^Added zoe, id 1\./);
  const rows = () => query(file, "select value from server_state where key = 'setup'");
  t.strictSame(rows(), [{ value: 'done' }]);
  await runSnug(t, file, ['user', 'delete', '1', '--yes']);
  const { nobody } = await openWorld(t, file);
  const late = await nobody().register('late');
  t.match((await late.get('/api/session')).body.user, { role: 'user' });
});

t.test('users are added by the rules of the API', async (t) => {
  const { file, snug } = await startFile(t);
  const rows = () => query(file, 'select name, email, role from users');
  const before = rows();
  const name =
    'The name must have 1 to 32 visible characters, with single spaces only between words.';
  const length = 'The password must have 8 to 1024 characters.';
  const differ =
    'The password must differ from the name and the e-mail address. Choose another one.';
  const email = 'The e-mail address is not valid. Write it like alice@example.org.';
  const taken = 'This name is taken. Choose another one.';
  const mixed = 'The name mixes letters of different scripts. Use the letters of one script.';
  const reserved = 'This name is reserved. Choose another one.';
  const alike = 'This name looks too much like the name of another user. Choose another one.';
  const none = 'Pass the password on standard input, or add --generate to create one.';
  await mistaken(t, file, 'user add a\u202eb --email d@b', name);
  await mistaken(t, file, 'user add dora', email);
  await mistaken(t, file, 'user add Аlice --email d@b', mixed);
  await mistaken(t, file, 'user add admin --email d@b', reserved);
  await Promise.all([
    refuses(t, snug('user add dora --email d@b'), none),
    refuses(t, snug('user add dora --email d@b', '1234567'), length),
    refuses(t, snug('user add dora-dora --email d@b', 'Dora-Dora\r\n'), differ),
    refuses(t, snug('user add ALICE --email d@b', password), taken),
    refuses(t, snug('user add aIice --email d@b', password), alike),
  ]);
  t.strictSame(rows(), before);
  const { output } = await snug('user add dora --email d@b --admin --generate');
  t.match(output, /^Added dora, id 4\.\nPassword: [\w-]{24}\n$/);
  t.strictSame(rows(), [...before, { name: 'dora', email: 'd@b', role: 'admin' }]);
});

t.test('a user of many chats is deleted in portions, until nothing is left', async (t) => {
  const { app, db, file, carol } = await startCast(t);
  const quotas = { chats: 1e6, openChats: 1e6, memberships: 1e6 };
  const make = { userId: carol.id, isOpen: false, quotas };
  const chats = Array.from({ length: 600 }, (_, i) =>
    db.write(createChat, { ...make, title: `Number ${i}` }),
  );
  await Promise.all(chats);
  await app.close();
  await db.close();
  await chmod(file, 0o600);
  const count = (table: string) => Number(query(file, `select count(*) as n from ${table}`)[0]?.n);
  const theirs = `memberships where user_id = ${carol.id}`;
  t.equal(count(theirs), 600);
  const seen = new Set<number>();
  const timer = setInterval(() => seen.add(count(theirs)), 5);
  const { code, output } = await runSnug(t, file, ['user', 'delete', 'carol', '--yes']);
  clearInterval(timer);
  t.strictSame({ code, output }, { code: 0, output: `Deleted carol, id ${carol.id}.\n` });
  const between = [...seen].filter((left) => left > 0 && left < 600);
  t.ok(between.length > 1, `others see it shrink: ${between}`);
  for (const rows of [theirs, 'pending_deletions', `removals where user_id = ${carol.id}`]) {
    t.equal(count(rows), 0, rows);
  }
  t.equal(count('chats'), 1, 'chats with no other member are deleted too');
  t.equal((await runSnug(t, file, ['check'])).code, 0);
});

t.test('users are listed, aligned or as JSON', async (t) => {
  const { file, snug } = await startFile(t);
  execute(file, "update users set name = '山田', name_key = '山田', email = 'y@b' where id = 2");
  await snug('user disable 2');
  execute(file, 'update users set created_at = 0, disabled_at = disabled_at * 0 where id < 3');
  execute(file, "update users set email = 'a@b.example', created_at = 0 where id <> 2");
  const table = await snug('user list');
  t.equal(
    table.output,
    `ID  ROLE   CREATED     DISABLED    E-MAIL       NAME
1   admin  1970-01-01  -           a@b.example  alice
2   user   1970-01-01  1970-01-01  y@b          山田
3   user   1970-01-01  -           a@b.example  carol
`,
  );
  const json = JSON.parse((await snug('user list --json')).output);
  const created = '1970-01-01T00:00:00.000Z';
  t.equal(json.length, 3);
  t.strictSame(json[1], {
    id: 2,
    name: '山田',
    email: 'y@b',
    role: 'user',
    created,
    disabled: created,
  });
  t.equal(json[0].disabled, null);
});

t.test('a mistyped command is explained, and changes nothing', async (t) => {
  const { file, snug } = await startFile(t);
  execute(file, "update users set name = '2', name_key = '2' where name = 'carol'");
  const rows = () => query(file, 'select * from users');
  const before = rows();
  for (const [args, sentence] of [
    ['user disable nobody', 'There is no user nobody. See: snug user list'],
    ['user disable 99', 'There is no user 99. See: snug user list'],
    ['user disable', 'Usage: snug user disable USER'],
    ['user disable bob alice', 'Usage: snug user disable USER'],
    ['user disable bob --yes', "Unknown option '--yes'. Usage: snug user disable USER"],
    ['stats --json=1', "Option '--json' does not take an argument. Usage: snug stats [--json]"],
    ['user list alice', 'Usage: snug user list [--json]'],
  ] as const) {
    await mistaken(t, file, args, sentence);
  }
  await Promise.all([
    refuses(t, snug('user delete bob'), 'This cannot be undone. Add --yes to confirm.'),
    refuses(t, snug('user dance bob'), 'There is no command "user dance". See: snug help user'),
    refuses(t, snug('serve now'), 'Usage: snug serve'),
  ]);
  t.strictSame(rows(), before);
  t.equal(
    (await snug('user make-admin 2')).output,
    'bob, id 2, is now an admin.\n',
    'digits are taken as an id',
  );
});

t.test('help lists all commands, a group, or one command in full', async (t) => {
  const [all, group, one, version] = await Promise.all(
    ['help', 'help user', 'user delete bob --help', '--version'].map((args) =>
      runSnug(t, '/nowhere', args.split(' ')),
    ),
  );
  t.match(all?.output, /^snug serve +Run the server/);
  t.match(all?.output, /^snug stats \[--json\] +Show/m);
  t.notMatch(group?.output, 'snug serve');
  t.equal(group?.output.trim().split('\n').length, 7);
  t.match(
    one?.output,
    /^snug user delete USER \[--yes\] {2}Delete[^\n]+\n\nUSER is a name or an id;/,
  );
  t.match(version, { code: 0, output: /^snug \d+\.\d+\.\d+\n$/ });
});

t.test('an invite to a chat counts as made by its longest-standing owner', async (t) => {
  const { file, alice, bob, chatId, snug } = await startFile(t);
  execute(file, 'update memberships set role = ? where user_id = ?', 'owner', bob.id);
  const env = { PUBLIC_URL: 'https://chat.example.org' };
  const [plain, whole] = await Promise.all([
    snug(`invite ${chatId}`),
    snug(`invite ${chatId} --uses 2 --expires 12h`, '', env),
  ]);
  const [, code = ''] = /^\/#\/invite\/([\w-]{32})\n$/.exec(plain.output) ?? [];
  const [, other = ''] =
    /^https:\/\/chat\.example\.org\/#\/invite\/([\w-]{32})\n$/.exec(whole.output) ?? [];
  const row = (code: string) =>
    query(
      file,
      'select user_id, uses_left, expires_at - created_at as lifetime from invites where code = ?',
      code,
    );
  t.strictSame(row(code), [{ user_id: alice.id, uses_left: null, lifetime: 7 * 24 * 3_600_000 }]);
  t.strictSame(row(other), [{ user_id: alice.id, uses_left: 2, lifetime: 12 * 3_600_000 }]);
  const id = 'The id of a chat must be a whole number of at least 1, with at most 15 digits.';
  const time = 'The time of an invite must be like 30m, 12h or 7d, up to 365d.';
  const uses = 'The number of uses must be a whole number of at least 1, with at most 6 digits.';
  await mistaken(t, file, 'invite Sunday', id);
  await mistaken(t, file, 'invite 999', 'There is no such chat.');
  await mistaken(t, file, `invite ${chatId} --expires 1158d`, time);
  await mistaken(t, file, `invite ${chatId} --expires 7`, time);
  await mistaken(t, file, `invite ${chatId} --uses 0`, uses);
});

t.test('stats counts everything', async (t) => {
  const { file, snug } = await startFile(t);
  await snug('user disable carol');
  const stats = JSON.parse((await snug('stats --json')).output);
  const { files, free, ...counts } = stats;
  t.equal(free % 4_096, 0, 'in whole pages');
  t.strictSame(counts, {
    ...{ users: 3, admins: 1, disabled: 1, sessions: 2, chats: 1, messages: 1, deleting: 0 },
    events: query(file, 'select * from events').length,
  });
  t.equal(files[file], statSync(file).size);
  t.match((await snug('stats')).output, /^ +3 {2}users\n(.*\n)+ *\d+ {2}bytes in .*snug\.db\n/);
});

t.test('check and stats report the age of the newest backup', async (t) => {
  const { file, snug } = await startFile(t);
  const folder = await tempFolder(t);
  const env = { BACKUP_DIR: folder, BACKUP_EVERY: '2h' };
  const advice = 'Look in the log for: the backup failed';
  const problem = async () => problemsIn((await snug('check', '', env)).output).backups;
  const hoursAgo = (hours: number) => {
    const at = new Date(Date.now() - hours * 3_600_000 - 60_000).toISOString();
    return `snug-${at.slice(0, 19).replaceAll(':', '')}Z.db`;
  };
  t.equal(await problem(), `There is no complete one in ${folder}. ${advice}`);
  const name = hoursAgo(5);
  await snug(`backup ${join(folder, name)}`);
  // A truncated or foreign file does not count as a later backup.
  await writeFile(join(folder, hoursAgo(1)), readFileSync(join(folder, name)).subarray(0, 8_192));
  await writeFile(join(folder, hoursAgo(2)), 'x'.repeat(200));
  t.equal(await problem(), `The newest is 5 hours old in ${folder}. ${advice}`);
  const { backup } = JSON.parse((await snug('stats --json', '', env)).output);
  t.equal(backup.name, name);
  t.ok(backup.age >= 5 * 3_600 && backup.age < 5.5 * 3_600);
  t.match((await snug('stats', '', env)).output, /^ *\d+ {2}seconds since the newest backup$/m);
  await snug(`backup ${join(folder, hoursAgo(3))}`);
  t.equal(await problem(), undefined);
  env.BACKUP_DIR = join(folder, 'away');
  t.equal(await problem(), `There is no complete one in ${env.BACKUP_DIR}. ${advice}`);
  t.ok(file);
});

t.test('npm runs commands too', async (t) => {
  const { file } = await startFile(t);
  const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: file };
  const args = ['run', '-s', 'snug', '--', 'user', 'list'];
  const output = execFileSync('npm', args, { env, encoding: 'utf8' });
  t.match(output, /^ID .*\n1 .* alice\n2 .* bob\n3 .* carol\n$/);
});

/** The problems that `snug check` printed, by the name of the check. */
function problemsIn(output: string): Record<string, string> {
  const found = output.matchAll(/^WRONG {2}(\w+): (.+)$/gm);
  return Object.fromEntries(Array.from(found, ([, name = '', problem = '']) => [name, problem]));
}

t.test('check finds what is wrong and says what to do', async (t) => {
  const { file, snug } = await startFile(t);
  const well = await snug('check');
  t.strictSame(
    { code: well.code, lines: well.output.match(/^ok {5}\w+$/gm)?.length },
    { code: 0, lines: 11 },
  );

  const repair = 'The index does not match the messages. Run: snug check --repair-search';
  const change = (statement: string) => {
    const sqlite = new Database(file).unsafeMode();
    sqlite.pragma('foreign_keys = OFF');
    sqlite.exec(statement);
    sqlite.close();
  };
  change('insert into removals values (77, 1); update chats set member_count = 9');
  change("update users set role = 'user'; delete from search_docsize");
  change('drop index invites_expiry; create index stray on users (created_at)');
  await chmod(file, 0o644);
  const { code, output, errors } = await snug('check');
  t.equal(code, 1);
  t.equal(errors, 'snug: Failed checks: 6.\n');
  t.strictSame(problemsIn(output), {
    schema: 'It does not match this version (invites_expiry and 1 more). Restore a backup.',
    references: '1 rows refer to missing rows. Restore a backup.',
    counters: '1 chats or memberships have wrong counters. Restore a backup.',
    search: repair,
    admin: 'Nobody is an admin. Run: snug user make-admin USER',
    files: `Other users can read them. Run: chmod 600 ${file} ${file}-wal ${file}-shm`,
  });

  change('update search_data set block = zeroblob(length(block)) where id > 10');
  t.equal(problemsIn((await snug('check')).output).search, repair);
  const repaired = await snug('check --repair-search');
  change("delete from search_vocabulary where word = 'meet'");
  t.equal(problemsIn((await snug('check')).output).search, repair, 'an unknown word');
  await snug('check --repair-search');
  t.match(repaired.output, 'ok     search');
  const { nobody } = await openWorld(t, file);
  const alice = nobody();
  await alice.post('/api/login', { name: 'alice', password });
  t.equal((await alice.get('/api/search?q=meet')).body.hits.length, 1);
});

t.test('check detects a damaged file and invalid settings', async (t) => {
  const { file, snug } = await startFile(t);
  const bytes = Buffer.alloc(4096, 0xff);
  const root = query(
    file,
    "select rootpage from sqlite_schema where name = 'users_name_key_unique'",
  );
  const copy = `${file}.damaged`;
  await copyFile(file, copy);
  const handle = await open(copy, 'r+');
  await handle.write(bytes, 0, bytes.length, (Number(root[0]?.rootpage) - 1) * 4096);
  await handle.close();
  const damaged = await runSnug(t, copy, ['check']);
  t.equal(damaged.code, 1);
  t.match(problemsIn(damaged.output).structure, /damaged.*Restore a backup\.$/);
  const { code, output } = await snug('check', '', { REGISTRATION: 'maybe' });
  t.equal(code, 1);
  t.strictSame(problemsIn(output), {
    settings: 'REGISTRATION must be one of open, invite, closed; it is "maybe".',
  });
});

t.test('no command creates or migrates a database, or touches a foreign one', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, 'snug.db');
  const none = `There is no database at ${file}. Name it in DATABASE_URL, or start the server to create it.`;
  for (const args of ['user list', 'user disable bob', 'stats', 'invite 1']) {
    await mistaken(t, file, args, none);
  }
  t.match(problemsIn((await runSnug(t, file, ['check'])).output), { database: none });
  t.strictSame(readdirSync(folder), []);
  const made = await startFile(t);
  execute(made.file, 'pragma user_version = 99');
  await mistaken(
    t,
    made.file,
    'user list',
    `${made.file} was written by a newer version of Snug. Install that version, or a later one.`,
  );
  execute(made.file, 'pragma user_version = 0');
  await mistaken(
    t,
    made.file,
    'user add dora --email d@b',
    `${made.file} was written by an older version of Snug. Start the server once to upgrade it.`,
  );
  await writeFile(file, 'Dear diary,\n'.repeat(50));
  await mistaken(
    t,
    file,
    'user list',
    `${file} is not a database. Name another file in DATABASE_URL.`,
  );
  t.notOk(existsSync(`${file}-wal`));
});

/** Runs a command at a terminal and types an answer to each question. */
async function atTerminal(t: Test, file: string, args: string, answers: [string, string][]) {
  const command = `env -u NODE_OPTIONS ${process.execPath} ${bundle} ${args}`;
  const env = { PATH: process.env.PATH, DATABASE_URL: file };
  const child = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], { env });
  t.teardown(() => child.kill());
  let shown = '';
  child.stdout.on('data', (data) => (shown += data));
  const exited = once(child, 'close');
  for (const [question, answer] of answers) {
    while (!shown.endsWith(question)) await Promise.race([once(child.stdout, 'data'), exited]);
    child.stdin.write(answer);
  }
  const [code] = await exited;
  return { code, shown: shown.replaceAll('\r\n', '\n') };
}

/** On other systems `script` takes other options. */
const noTerminal = process.platform === 'linux' ? without('script') : 'needs Linux';

t.test('at a terminal passwords are typed twice, without echo', { skip: noTerminal }, async (t) => {
  const { file } = await startFile(t);
  const hash = () => query(file, 'select password_hash from users where id = 2')[0];
  const before = hash();
  const reset = 'user reset-password bob';
  const [first, second] = ['New password: ', 'Repeat the password: '];
  const differ = await atTerminal(t, file, reset, [
    [first, 'paper-kite-in-october\r'],
    [second, 'paper-kite-in-may\r'],
  ]);
  t.equal(differ.shown, `${first}\n${second}\nsnug: The two passwords differ. Try again.\n`);
  const stopped = await atTerminal(t, file, reset, [[first, 'paper\x03']]);
  t.strictSame(stopped, { code: 1, shown: `${first}\nsnug: Nothing was changed.\n` });
  t.strictSame(hash(), before);
  const typed = 'paper-kitf\x7fe-in-october\r';
  const { code, shown } = await atTerminal(t, file, reset, [
    [first, typed],
    [second, typed],
  ]);
  t.strictSame(
    { code, shown },
    {
      code: 0,
      shown: `${first}\n${second}\nSet a new password for bob, id 2.\n`,
    },
  );
  const { nobody } = await openWorld(t, file);
  const fields = { name: 'bob', password: 'paper-kite-in-october' };
  t.equal((await nobody().post('/api/login', fields)).status, 200);
});

t.test('at a terminal a deletion asks for the name', { skip: noTerminal }, async (t) => {
  const { file } = await startFile(t);
  const question = 'This cannot be undone. Type the name of the user to delete: ';
  const names = () => query(file, 'select name from users').map(({ name }) => name);
  const other = await atTerminal(t, file, 'user delete bob', [[question, 'alice\r']]);
  t.equal(other.code, 1);
  t.match(other.shown, 'snug: The name does not match. Nothing was changed.');
  t.strictSame(names(), ['alice', 'bob', 'carol']);
  const right = await atTerminal(t, file, 'user delete bob', [[question, 'bob\r']]);
  t.equal(right.code, 0, right.shown);
  t.strictSame(names(), ['alice', 'carol']);
});
