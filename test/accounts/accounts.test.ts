import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import t, { type Test } from 'tap';
import { makeAccount } from '../../src/accounts/accounts.ts';
import type { Store } from '../../src/db/store.ts';
import type { Refusal } from '../../src/errors.ts';
import { clearAllDeleted } from '../../src/jobs/deletions.ts';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { ensureSetupCode, newSetupCode } from '../../src/server/setup.ts';
import { canonicalName } from '../../src/users/canonical.ts';
import { done, refused } from '../helpers/answers.ts';
import { seedOf } from '../helpers/random.ts';
import { allRows, damage, execute, query } from '../helpers/rows.ts';
import { follow } from '../helpers/sse.ts';
import { type Person, password, startCast, startWorld } from '../helpers/world.ts';

const taken = 'This name is taken. Choose another one.';
const badName =
  'The name must have 1 to 32 visible characters, with single spaces only between words.';
const badEmail = 'The e-mail address is not valid. Write it like alice@example.org.';
const badPassword = 'The password must have 8 to 1024 characters.';
const noUser = 'There is no such user.';
const signedOut = 'You are not signed in. Sign in first.';

const fieldsOf = (name: string) => ({ name, password, email: `${name}@example.org` });

const changed = 'another horse battery';
const wrongCurrent = 'The current password is wrong.';

/** Changes somebody's password. */
const changePassword = (person: Person, fields: Record<string, string> = {}, id = person.id) =>
  person.put(`/api/user/${id}/password`, {
    current_password: password,
    password: changed,
    ...fields,
  });

t.test('registering signs the new user in', async (t) => {
  const { nobody } = await startWorld(t);
  const alice = nobody();
  const answer = await alice.post('/api/user', fieldsOf('alice'));
  done(t, answer, 201);
  t.equal(answer.headers.location, '/api/chats');
  t.equal((await alice.get('/api/chats')).text, '{"chats":[]}');
  const user = '{"user":{"name":"alice","email":"alice@example.org"}}';
  t.equal((await alice.get('/api/user?name=alice')).text, user);
  t.equal((await alice.get(`/api/user/${alice.id}`)).text, user);
});

t.test('registration checks each field and refuses invalid values', async (t) => {
  const { nobody, file } = await startWorld(t);
  const cases: [field: string, value: string | undefined, error: string][] = [
    ['name', undefined, badName],
    ['name', '', badName],
    ['name', ' alice', badName],
    ['name', 'alice ', badName],
    ['name', 'al  ice', badName],
    ['name', 'al\u00a0ice', badName],
    ['name', 'al\u200bice', badName],
    ['name', 'al\u202eice', badName],
    ['name', 'al\u0000ice', badName],
    ['name', 'al\nice', badName],
    ['name', '\ufeffalice', badName],
    ['name', '\u3164', badName],
    ['name', '\u2800', badName],
    ['email', undefined, badEmail],
    ['email', '', badEmail],
    ['email', 'alice', badEmail],
    ['email', 'alice@', badEmail],
    ['email', 'alice@-example.org', badEmail],
    ['email', 'alice@example..org', badEmail],
    ['email', 'älice@example.org', badEmail],
    ['email', 'alice@example.org\r\nx: y', badEmail],
    ['email', `${'a'.repeat(243)}@example.org`, badEmail],
    ['password', undefined, badPassword],
    ['password', '', badPassword],
    ['password', 'a\u0000bcdefghij', badPassword],
    ['password', 'password1', 'This password is too common. Choose another one.'],
    ['password', 'PassWord1', 'This password is too common. Choose another one.'],
    [
      'password',
      'Alice@Example.org',
      'The password must differ from the name and the e-mail address. Choose another one.',
    ],
  ];
  for (const [field, value, error] of cases) {
    const { [field]: _, ...others } = fieldsOf('alice') as Record<string, string>;
    const fields = value === undefined ? others : { ...others, [field]: value };
    refused(t, await nobody().post('/api/user', fields), 400, error, `${field}=${value}`);
  }
  refused(
    t,
    await nobody().post('/api/user', {
      name: 'Long enough',
      password: 'long ENOUGH',
      email: 'x@example.org',
    }),
    400,
    'The password must differ from the name and the e-mail address. Choose another one.',
  );
  t.strictSame(query(file, 'select * from users'), []);
  t.strictSame(query(file, 'select * from sessions'), []);
});

t.test('the limits of names and e-mail addresses count code points', async (t) => {
  const { nobody } = await startWorld(t);
  const register = (name: string, email: string) =>
    nobody().post('/api/user', { name, email, password });
  done(t, await register('n', 'n@b'), 201);
  done(t, await register('n'.repeat(31), '31@example.org'), 201);
  done(t, await register('n'.repeat(32), '32@example.org'), 201);
  refused(t, await register('n'.repeat(33), '33@example.org'), 400, badName);
  done(t, await register('🦆'.repeat(32), 'duck@example.org'), 201);
  refused(t, await register('🦆'.repeat(33), 'ducks@example.org'), 400, badName);
  done(t, await register('longest mail', `${'a'.repeat(242)}@example.org`), 201);
  refused(t, await register('longer mail', `${'b'.repeat(243)}@example.org`), 400, badEmail);
});

t.test('of 50 simultaneous registrations of one name, one succeeds', async (t) => {
  const { nobody, file } = await startWorld(t);
  const spellings = ['alice', 'ALICE', 'Alice', 'ａｌｉｃｅ', 'aLiCe'];
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const name = String(spellings[i % spellings.length]);
      return nobody().post('/api/user', { name, password, email: `${i}@example.org` });
    }),
  );
  t.equal(answers.filter(({ status }) => status === 201).length, 1);
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    refused(t, answer, 400, taken);
  }
  t.equal(query(file, 'select * from users').length, 1);
  t.equal(query(file, 'select * from sessions').length, 1, 'no session without a user');
});

t.test('a taken name or e-mail address is taken in every spelling', async (t) => {
  const { nobody, register } = await startWorld(t);
  await nobody().post('/api/user', { name: 'Åsa Groß', password, email: 'Asa@Example.org' });
  const bob = await register('bob');
  for (const name of ['åsa groß', 'ÅSA GROSS', 'A\u030asa Gross', 'ÅSA GROẞ', 'Åｓａ Groß']) {
    refused(t, await nobody().post('/api/user', { ...fieldsOf('x'), name }), 400, taken, name);
    refused(t, await bob.put('/api/user', { name }), 400, taken, name);
    t.equal(
      (await bob.get(`/api/user?name=${encodeURIComponent(name)}`)).body.user.name,
      'Åsa Groß',
    );
    done(t, await nobody().post('/api/login', { name, password }));
  }
  const email = 'ASA@example.ORG';
  const error = 'This e-mail address is already in use. Use another one.';
  refused(t, await nobody().post('/api/user', { name: 'x', password, email }), 400, error);
  refused(t, await bob.put('/api/user', { email }), 400, error);
  // A look-alike from another alphabet is another name, or at least not the same account.
  refused(t, await bob.get(`/api/user?name=${encodeURIComponent('Аsa Groß')}`), 404, noUser);
});

t.test('a canonical name is its own canonical form, in every spelling', async (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 32 });
  const binary = fc.string({ unit: 'binary', maxLength: 32 });
  fc.assert(
    fc.property(fc.oneof(text, binary), (name) => {
      const key = canonicalName(name);
      return [key, name.normalize('NFD'), name.normalize('NFC')].every(
        (spelling) => canonicalName(spelling) === key,
      );
    }),
    { seed: seedOf(t), numRuns: 2000 },
  );
  for (const [one, other] of [
    ['ẞ', 'ß'],
    ['ß', 'SS'],
    ['ΣΑΣ', 'σας'],
    ['ﬁ', 'FI'],
    ['ǆ', 'ǅ'],
    ['İ', 'i̇'],
  ] as const) {
    t.equal(canonicalName(one), canonicalName(other), `${one} is ${other}`);
  }
});

t.test('a name is treated as data, whatever it contains', async (t) => {
  const { nobody, register } = await startWorld(t);
  const alice = await register('alice');
  const names = [
    "o'brien; --",
    "') OR 1=1--",
    '%',
    '_',
    '{{7*7}}$(id)',
    '../../x',
    '<b>"&\\`',
    '1',
  ];
  for (const [i, name] of names.entries()) {
    const email = `'or'1'='1+${i}@example.org`;
    done(t, await nobody().post('/api/user', { name, password, email }), 201);
    const found = await alice.get(`/api/user?name=${encodeURIComponent(name)}`);
    t.strictSame(found.body, { user: { name, email } });
  }
});

const confusable = 'This name looks too much like the name of another user. Choose another one.';
const mixed = 'The name mixes letters of different scripts. Use the letters of one script.';
const marks = 'The name has too many marks on its letters. Use at most two on each letter.';
const reserved = 'This name is reserved. Choose another one.';

/** Registers a user if the rules allow it, with no password that would have to be hashed. */
async function claim(db: Store, name: string): Promise<string> {
  const user = { name, email: `${randomUUID()}@example.org`, passwordHash: '' };
  try {
    await db.write(makeAccount, { ...user, isAdmin: false });
    return 'taken';
  } catch (error) {
    return (error as Refusal).code;
  }
}

t.test('a new name cannot pass for another by similar letters', async (t) => {
  const { carol, file, nobody } = await startCast(t);
  const before = allRows(file);
  for (const [name, sentence] of [
    ['аlice', mixed],
    ['alicе', mixed],
    ['Αlice', mixed],
    ['μTorrent', mixed],
    ['Аня Smith', mixed],
    ['aIice', confusable],
    ['a1ice', confusable],
    ['A|ice', confusable],
    ['ALlCE', confusable],
    ['аӏісе', confusable],
    ['b0b', confusable],
    ['ЬоЬ', confusable],
    ['ali\u0337ce', marks],
    ['\u0301\u0302\u0303', marks],
    ['bob \u0301', marks],
    ['e\u20dd', marks],
    ['ế\u0301', marks],
    [`a${'\u0301\u0302\u0303'}`, marks],
    ['ก็็็', marks],
    ['@alice', reserved],
    ['Deleted user', reserved],
    ['Alice (admin)', reserved],
  ] as const) {
    refused(t, await nobody().post('/api/user', { ...fieldsOf('x'), name }), 400, sentence, name);
    refused(t, await carol.put('/api/user', { name }), 400, sentence, name);
  }
  t.strictSame(allRows(file), before);
});

t.test('names in all scripts are accepted', async (t) => {
  const { db, alice, register } = await startCast(t);
  const names = [
    ...[
      'René',
      'Rene',
      '李Tom',
      '김Tom',
      '田中ヒロ',
      'Аня',
      'Ελένη',
      'Ăn',
      'Nguyễn Thị Ếch',
      'Zoë',
    ],
    ...['O’Brien', 'Jean-Luc', 'J. R. R.', 'Łukasz', 'Jørgen', 'Þór', 'Ɓala', 'ǃNate', 'ʻOkina'],
    ...['محمد', 'שרה', 'ไก่กี้', 'ज़िंदगी', 'လှိုင်', 'ဖြိုး', 'སྒྲོལ་མ', 'ಕನ್ನಡ', 'ᾧδε', 'ᎪᏞᎳ', '🦆🦆', 'ゆき☆'],
    ...[
      'Bam',
      'Barn',
      'Bill',
      'Bili',
      'Mila',
      'Miia',
      'Ian',
      'Lan',
      'Iana',
      'Lana',
      'Lili',
      'Illi',
    ],
    ...['Вова', 'Boba', 'clara', 'dara', 'Jorgen', 'user1', 'user10', 'user8', 'useo', 'allce'],
  ];
  for (const name of names) t.equal(await claim(db, name), 'taken', name);
  done(t, await alice.put('/api/user', { name: 'Alíce' }));
  await register('Çelik');
});

t.test('names that look the same are never both accepted', async (t) => {
  const { db } = await startWorld(t);
  for (const [one, other] of [
    ['ian', 'lan'],
    ['Ida', 'lda'],
    ['paypal', 'paypa1'],
    ['MILLIE', 'M1LL1E'],
    ['McIntyre', 'Mclntyre'],
    ['Otto', '0tto'],
    ['ѕсоре', 'scope'],
    ['ニコ', '二コ'],
    ['ВОВА', 'BOBA'],
    ['ΜΑΚΗ', 'MAKH'],
  ] as const) {
    t.equal(await claim(db, one), 'taken', one);
    t.equal(await claim(db, other), 'name_confusable', other);
  }
});

t.test('a name cannot contain what only the server may say, such as a role', async (t) => {
  const { db } = await startWorld(t);
  const bad = [
    ...[
      '@alice',
      '＠alice',
      'alice (admin)',
      'alice [MOD]',
      '{owner} x',
      'alice – Admin',
      'alice | Support',
    ],
    ...['Deleted user', 'deleted-user', 'Gelöschtes Konto', 'Snug', 'SNUG', 'Snug Team'],
    ...[
      'admin',
      'ADMlN',
      'adm1n',
      'ａｄｍｉｎ',
      '𝓪𝓭𝓶𝓲𝓷',
      'The Admin',
      'Moderator',
      'system',
      'Administratorin',
    ],
    ...['everyone', 'here', 'all', 'a11', 'channel', 'Alle', 'You', 'Du'],
  ];
  for (const name of bad) t.equal(await claim(db, name), 'name_reserved', name);
  for (const name of ['Adminton', 'Du Wei', 'Allan', 'Anna (Berlin)', 'Snuggles', 'Marshall']) {
    t.equal(await claim(db, name), 'taken', name);
  }
});

t.test('an existing name stays valid, and new names must differ from it', async (t) => {
  const { alice, bob, carol, clock, file } = await startCast(t);
  const names = ['аdmin', 'pau1', 'Dora'];
  for (const [i, name] of names.entries()) {
    execute(
      file,
      `update users set name = '${name}', name_key = '${name.toLowerCase()}' where id = ${i + 1}`,
    );
  }
  execute(file, 'delete from name_skeletons');
  execute(file, "insert into server_state values ('names_noted_up_to', '0')");
  clock.now += 1;
  const email = 'new@example.org';
  done(t, await alice.put('/api/user', { name: 'аdmin', email }), 200);
  t.equal((await alice.post('/api/login', { name: 'аdmin', password })).status, 200);
  refused(t, await bob.put('/api/user', { name: 'D0ra' }), 400, confusable);
  refused(t, await carol.post('/api/user', { ...fieldsOf('x'), name: 'paul' }), 400, confusable);
  done(t, await bob.put('/api/user', { name: 'Paul' }));
  t.strictSame(query(file, "select * from server_state where key like 'names%'"), []);
});

t.test('a name that was given up is reserved if the setting says so', async (t) => {
  const { alice, bob, carol, clock, db, file } = await startCast(t, { NAME_HOLD_DAYS: '30' });
  done(t, await alice.put('/api/user', { name: 'alice2' }));
  done(t, await bob.delete('/api/user'));
  refused(t, await carol.put('/api/user', { name: 'alice' }), 400, confusable);
  refused(t, await carol.put('/api/user', { name: 'b0b' }), 400, confusable);
  done(t, await alice.put('/api/user', { name: 'Alice' }), 200);
  done(t, await alice.put('/api/user', { name: 'anna' }));
  const names = query(file, 'select name from users').map(({ name }) => name);
  t.strictSame(names, ['anna', 'carol']);
  t.notMatch(
    JSON.stringify(allRows(file)),
    /b[o0]b/i,
    'a reserved name is not stored in clear text',
  );
  clock.now += 30 * 24 * 3_600_000 - 1;
  refused(t, await carol.put('/api/user', { name: 'bob' }), 400, confusable);
  clock.now += 1;
  const device = await carol.otherDevice();
  done(t, await device.put('/api/user', { name: 'bob' }));
  await runMaintenance(db);
  const held =
    'select count(*) as count from name_skeletons where held_until is not null and user_id <> 3';
  t.strictSame(query(file, held), [{ count: 0 }]);
});

t.test('of look-alike names registered at once, only one is accepted', async (t) => {
  const { nobody, file } = await startWorld(t);
  const names = ['Ilse', 'llse', '1lse', '|lse'];
  const answers = await Promise.all(
    names.map((name, i) =>
      nobody().post('/api/user', { name, password, email: `${i}@example.org` }),
    ),
  );
  t.strictSame(answers.map(({ status }) => status).sort(), [201, 400, 400, 400]);
  t.equal(query(file, 'select * from users').length, 1);
});

t.test('a user is found by name or id only', async (t) => {
  const { bob } = await startCast(t);
  t.equal((await bob.get('/api/user?name=ALICE')).body.user.name, 'alice');
  refused(t, await bob.get('/api/user?name=dora'), 404, noUser);
  refused(t, await bob.get('/api/user?name=%20alice'), 404, noUser);
  refused(t, await bob.get('/api/user?name=al%25'), 404, noUser);
  refused(t, await bob.get('/api/user/999999'), 404, noUser);
  const error = 'Put the name of the user into the query: ?name=alice.';
  for (const query of ['', '?', '?name=', '?name=a&name=b', '?name[]=alice', '?Name=alice']) {
    refused(t, await bob.get(`/api/user${query}`), 400, error, query);
  }
  refused(t, await bob.get('/api/user?name=al%00ice'), 400, error);
});

t.test('the addresses of the public original work too', async (t) => {
  const { alice, bob, nobody } = await startCast(t);
  const { text } = await alice.get('/api/user?name=bob');
  for (const part of [alice.id, '{user_id}', 'bob', '', '0', 'password']) {
    const url = `/api/user/${encodeURIComponent(part)}`;
    for (const slash of ['', '/']) {
      const answer = await alice.get(`${url}${part === '' ? '' : slash}?x=1&name=bob`);
      t.match(answer, { status: 200, text }, `${url}${slash}`);
    }
    refused(t, await alice.get(`${url}?name=never+was`), 404, 'There is no such user.');
    refused(t, await nobody().get(`${url}?name=bob`), 403);
    const head = await alice.request({ method: 'HEAD', url: `${url}?name=bob` });
    t.match(head, { status: 200, text: '' });
  }
  for (const [index, part] of [alice.id, 'x', ''].entries()) {
    const newcomer = nobody();
    const fields = { name: `dave${index}`, password, email: `dave${index}@example.org` };
    done(t, await newcomer.post(`/api/user/${part}`, fields), 201);
    t.equal((await newcomer.get('/api/session')).body.user.name, fields.name);
  }
  // Other queries with the same beginning keep their meaning.
  t.equal((await alice.get(`/api/user/${bob.id}?names=x`)).text, text);
  refused(t, await alice.get('/api/user/x'), 400);
  refused(t, await alice.post(`/api/user/${alice.id}/password?name=x`, {}), 404);
  refused(t, await alice.get(`/api/user/${alice.id}/password?name=bob`), 404);
});

t.test('the EMAILS setting decides who sees an e-mail address', async (t) => {
  // Alice is the admin and in a chat with bob; carol is in none.
  const shown = async (env: Record<string, string>) => {
    const { alice, bob, carol } = await startCast(t, env);
    const sees = async (who: Person, whom: Person) => {
      const byId = (await who.get(`/api/user/${whom.id}`)).body.user;
      t.strictSame((await who.get(`/api/user?name=${whom.name}`)).body.user, byId);
      t.equal(byId.name, whom.name);
      t.match(byId.email, /^$|^[0-9a-f]+@example\.org$/);
      return byId.email !== '';
    };
    const own = await Promise.all([alice, bob, carol].map((person) => sees(person, person)));
    t.strictSame(own, [true, true, true], 'everybody sees their own address');
    t.not((await bob.get('/api/session')).body.user.email, '');
    t.not(
      (await alice.get('/api/users')).body.users[1].email,
      '',
      'an admin sees all of them in the list',
    );
    return {
      admin: await sees(alice, carol),
      shared: await sees(bob, alice),
      stranger: (await sees(carol, bob)) || (await sees(bob, carol)),
    };
  };
  t.strictSame(await shown({}), { admin: true, shared: true, stranger: true });
  t.strictSame(await shown({ EMAILS: 'members' }), { admin: true, shared: true, stranger: false });
  t.strictSame(await shown({ EMAILS: 'admins' }), { admin: true, shared: false, stranger: false });
});

t.test('a user who leaves the last shared chat no longer sees the address', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t, { EMAILS: 'members' });
  const emailOf = async () => (await carol.get(`/api/user/${bob.id}`)).body.user.email;
  await alice.post(`${chat}/members`, { name: 'carol' });
  t.not(await emailOf(), '');
  await carol.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);
  t.equal(await emailOf(), '');
});

t.test('looking up users is limited, whether they exist or not', async (t) => {
  const { alice, bob } = await startCast(t, { RATE_LIMIT: 'on' }, { ticks: () => 0 });
  const statuses: number[] = [];
  for (let id = 1; id <= 61; id++) statuses.push((await alice.get(`/api/user/${id}`)).status);
  t.strictSame(statuses, [200, 200, 200, ...Array(57).fill(404), 429]);
  t.equal((await alice.get('/api/user?name=bob')).status, 429);
  t.equal((await bob.get('/api/user?name=alice')).status, 200, 'other users can look up as before');
});

t.test('a user changes their own name, e-mail address, or both', async (t) => {
  const { alice, bob, nobody } = await startCast(t);
  const profile = async () => (await bob.get(`/api/user/${alice.id}`)).body.user;
  done(t, await alice.put('/api/user', { email: 'new@example.org' }));
  t.strictSame(await profile(), { name: 'alice', email: 'new@example.org' });
  done(t, await alice.put(`/api/user/${alice.id}`, { name: 'Alice' }));
  t.strictSame(await profile(), { name: 'Alice', email: 'new@example.org' });
  done(t, await alice.put('/api/user', { name: 'Ada', email: 'ada@example.org' }));
  t.strictSame(await profile(), { name: 'Ada', email: 'ada@example.org' });
  done(t, await alice.put('/api/user', { name: 'Ada', email: 'ada@example.org' }));
  refused(t, await bob.get('/api/user?name=alice'), 404, noUser);
  done(t, await nobody().post('/api/login', { name: 'ada', password }));
  const successor = await nobody().register('alice');
  t.not(successor.id, alice.id, 'the old name is free');
});

t.test('an invalid change, or a change of another account, changes nothing', async (t) => {
  const { alice, bob, file } = await startCast(t);
  const before = query(file, 'select * from users');
  const neither = 'Enter a new name, a new e-mail address, or both.';
  refused(t, await alice.put('/api/user'), 400, neither);
  refused(t, await alice.put('/api/user', { Name: 'ada', role: 'admin' }), 400, neither);
  refused(t, await alice.put('/api/user', { name: '' }), 400, badName);
  refused(t, await alice.put('/api/user', { name: 'ada', email: 'no' }), 400, badEmail);
  refused(t, await alice.put('/api/user', { name: 'BOB' }), 400, taken);
  const error = 'You can change and delete only your own account.';
  refused(t, await alice.put(`/api/user/${bob.id}`, { name: 'ada' }), 403, error);
  refused(t, await alice.delete(`/api/user/${bob.id}`), 403, error);
  refused(t, await alice.put('/api/user/999999', { name: 'ada' }), 404, noUser);
  refused(t, await alice.delete('/api/user/999999'), 404, noUser);
  t.strictSame(query(file, 'select * from users'), before);
});

t.test('extra fields change nothing', async (t) => {
  const { alice, bob, file } = await startCast(t);
  const extras = {
    id: '99',
    user_id: String(bob.id),
    role: 'user',
    password_hash: 'x',
    status: '',
  };
  done(t, await alice.put('/api/user', { name: 'ada', ...extras }));
  const [row] = query(file, 'select * from users where id = ?', alice.id);
  t.match(row, { name: 'ada', role: 'admin', password_hash: /^\$argon2id/ });
});

t.test('only the first user of a server is its admin', async (t) => {
  const { file } = await startCast(t);
  t.strictSame(query(file, 'select name, role from users order by id'), [
    { name: 'alice', role: 'admin' },
    { name: 'bob', role: 'user' },
    { name: 'carol', role: 'user' },
  ]);
});

t.test('a deleted user is gone, and their messages stay', async (t) => {
  const { alice, bob, carol, chat, nobody, file } = await startCast(t);
  const email = (await bob.get('/api/user?name=bob')).body.user.email;
  const bobId = bob.id;
  const phone = await bob.otherDevice();
  const own = await bob.createChat('Only bob');
  await bob.send(own, 'to myself');
  const id = await bob.send(chat, 'I was here');
  const before = (await alice.get(chat)).text;
  done(t, await bob.delete('/api/user'));

  for (const device of [bob, phone]) {
    refused(t, await device.get('/api/chats'), 403, signedOut);
    refused(t, await device.post(chat, { content: 'a ghost' }), 403, signedOut);
  }
  refused(t, await alice.get(`/api/user/${bobId}`), 404, noUser);
  refused(t, await alice.get('/api/user?name=bob'), 404, noUser);
  t.equal((await alice.get(chat)).text, before);
  t.strictSame((await alice.get('/api/chats')).body.chats[0].sender_id, bobId);
  refused(t, await alice.get(own), 404, 'There is no such chat.');
  refused(t, await alice.delete(`${chat}?id=${id}`), 403);
  const members = (await alice.get(`${chat}/members`)).body.members;
  t.strictSame(
    members.map((member: { name: string }) => member.name),
    ['alice'],
  );
  refused(t, await nobody().post('/api/login', { name: 'bob', password }), 400);

  t.notMatch(JSON.stringify(query(file, 'select * from users')), email);
  t.strictSame(query(file, 'select * from sessions where user_id = ?', bobId), []);
  t.strictSame(query(file, 'select * from memberships where user_id = ?', bobId), []);
  t.strictSame(damage(file), []);

  const successor = nobody();
  done(t, await successor.post('/api/user', { name: 'bob', password, email }), 201);
  t.not(successor.id, bobId, 'the name is free, the id is not');
  refused(t, await successor.get(chat), 403);
  refused(t, await successor.delete(`${chat}?id=${id}`), 403);
  refused(t, await carol.get(chat), 403);
});

t.test('deleted data is erased from the file itself', async (t) => {
  const { alice, bob, chat, file, db } = await startCast(t);
  const { email } = (await bob.get('/api/user?name=bob')).body.user;
  done(t, await bob.put('/api/user', { name: 'a passing name' }));
  const own = await bob.createChat('a passing title');
  await bob.send(own, 'a passing thought');
  const id = await alice.send(chat, 'a slip of the tongue');
  await alice.send(chat, 'this stays');
  done(t, await alice.delete(`${chat}?id=${id}`));
  done(t, await bob.delete('/api/user'));
  await clearAllDeleted(db);
  await db.close();
  const bytes = await readFile(file);
  t.ok(bytes.includes('this stays'), 'the whole file was read');
  for (const text of [email, 'a passing', 'a slip']) t.notOk(bytes.includes(text), text);
});

const minute = 60_000;
const needed =
  'You signed in more than ten minutes ago. Enter your current password (current_password), or sign in again first.';

t.test('after ten minutes a session is not enough to delete or take over an account', async (t) => {
  const { alice, bob, nobody, file, clock } = await startCast(t);
  const email = 'thief@example.org';
  clock.now += 10 * minute;
  done(t, await bob.put('/api/user', { email: 'bob@example.net' }), 200);
  clock.now += 1;
  const before = allRows(file);
  for (const url of ['/api/user', `/api/user/${bob.id}`]) {
    refused(t, await bob.delete(url), 403, needed, url);
    refused(t, await bob.put(url, { email }), 403, needed, url);
    refused(t, await bob.put(url, { name: 'rob', email }), 403, needed, url);
    const wrong = { current_password: 'not my own' };
    refused(t, await bob.form('DELETE', url, wrong), 400, 'The current password is wrong.');
    refused(t, await bob.put(url, { email, ...wrong }), 400, 'The current password is wrong.');
    refused(t, await bob.form('DELETE', `${url}?current_password=${password}`, {}), 403, needed);
  }
  // For another account the answer is the same, whatever the session.
  const other = 'You can change and delete only your own account.';
  const proof = { current_password: password };
  refused(t, await bob.form('DELETE', `/api/user/${alice.id}`, proof), 403, other);
  refused(t, await bob.put(`/api/user/${alice.id}`, { email, ...proof }), 403, other);
  t.strictSame(allRows(file), before);
  done(t, await bob.put('/api/user', { name: 'rob' }));
  done(t, await bob.put('/api/user', { name: 'bob', email: 'BOB@example.net' }));
  const phone = nobody();
  done(t, await phone.post('/api/login', { name: 'bob', password }));
  done(t, await phone.delete('/api/user'));
  refused(t, await bob.get('/api/chats'), 403, signedOut);
});

t.test('the password, as a form or as JSON, allows deleting and changing an account', async (t) => {
  const { alice, bob, carol, clock, nobody } = await startCast(t);
  clock.now += 60 * minute;
  const proof = { current_password: password };
  done(t, await bob.put('/api/user', { email: 'new@example.org', ...proof }));
  refused(t, await alice.delete('/api/user'), 403, needed, 'each user needs their own proof');
  done(t, await bob.put('/api/user', { email: 'newer@example.org' }), 200);
  clock.now += 10 * minute + 1;
  refused(t, await bob.put('/api/user', { email: 'newest@example.org' }), 403, needed);
  done(t, await changePassword(bob));
  done(t, await bob.put('/api/user', { email: 'newest@example.org' }));
  done(t, await bob.form('DELETE', '/api/user', { current_password: changed }));
  const json = { method: 'DELETE', url: `/api/user/${carol.id}`, payload: proof } as const;
  done(t, await carol.request(json));
  refused(t, await nobody().post('/api/login', { name: 'carol', password }), 400);
});

t.test('a proof counts only for its own session, and never from the future', async (t) => {
  const { bob, clock } = await startCast(t);
  clock.now += 60 * minute;
  const phone = await bob.otherDevice();
  refused(t, await bob.delete('/api/user'), 403, needed);
  clock.now -= 1;
  refused(t, await phone.delete('/api/user'), 403, needed, 'the clock was ahead');
  clock.now += 1;
  done(t, await phone.delete('/api/user'));
});

t.test('a proof checked before a password change does not count after it', async (t) => {
  const { bob, clock, db, file } = await startCast(t);
  clock.now += 60 * minute;
  const write = db.write.bind(db);
  db.write = async (mutation, input) => {
    if (mutation.name === 'deleteUser') {
      db.write = write;
      done(t, await changePassword(bob));
    }
    return write(mutation, input);
  };
  const deletion = bob.form('DELETE', '/api/user', { current_password: password });
  refused(t, await deletion, 400, 'The current password is wrong.');
  t.equal(query(file, 'select * from users where name = ?', 'bob').length, 1);
});

t.test('a deleted owner hands over, and the path may contain the caller’s id', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  done(t, await alice.delete(`/api/user/${alice.id}`));
  const [member, ...others] = (await bob.get(`${chat}/members`)).body.members;
  t.match(member, { id: bob.id, role: 'owner' });
  t.strictSame(others, []);
});

t.test('requests during a deletion leave nothing of the user behind', async (t) => {
  const { alice, bob, chat, nobody, file } = await startCast(t);
  const bobId = bob.id;
  const fromBob = { ...bob.cookies };
  const as = () => Object.assign(nobody(), { cookies: { ...fromBob } });
  const answers = await Promise.all([
    as().post(chat, { content: 'before' }),
    as().post('/api/chats', { title: 'before' }),
    as().delete('/api/user'),
    as().post(chat, { content: 'after' }),
    as().post('/api/chats', { title: 'after' }),
    as().put('/api/user', { name: 'ghost' }),
    as().post(`${chat}/members`, { name: 'carol' }),
    as().delete('/api/user'),
    nobody().post('/api/login', { name: 'bob', password }),
    nobody().post('/api/login', { name: 'bob', password }),
  ]);
  t.ok(answers.every(({ status }) => status < 500));
  t.equal(answers[2]?.status, 200);
  for (const answer of answers.slice(3, 8)) refused(t, answer, 403);
  for (const table of ['sessions', 'memberships']) {
    t.strictSame(query(file, `select * from ${table} where user_id = ?`, bobId), [], table);
  }
  t.strictSame(damage(file), []);
  t.equal((await alice.get('/api/chats')).status, 200);
});

const setupNeeded =
  'The first account of a server needs its setup code. The server prints the code at its start and writes it to its log; snug setup-code prints it again.';

/** A new server with its setup code, behind a proxy at 10.0.0.1. */
async function startNew(t: Test, env: Record<string, string> = {}) {
  const world = await startWorld(t, { TRUST_PROXY: '10.0.0.1', ...env });
  const code = (await world.db.write(ensureSetupCode, { code: newSetupCode() })) ?? '';
  const register = (name: string, options: InjectOptions, setup?: string) => {
    const payload = { ...fieldsOf(name), ...(setup !== undefined && { setup }) };
    return world.nobody().request({ method: 'POST', url: '/api/user', payload, ...options });
  };
  const roles = () => query(world.file, 'select name, role from users order by id');
  return { ...world, code, register, roles };
}

const remote = { remoteAddress: '192.0.2.7' };

/** Requests as strangers may have sent them. */
const strangers: [name: string, options: InjectOptions][] = [
  ['another machine', remote],
  ['another machine, IPv6', { remoteAddress: '2001:db8::1' }],
  ['the trusted proxy', { remoteAddress: '10.0.0.1' }],
  ['a host name of the machine, passed on by a proxy', { headers: { host: 'chat.local:3000' } }],
  ...Object.entries({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'localhost',
    'x-real-ip': '127.0.0.1',
    'cf-connecting-ip': '127.0.0.1',
    forwarded: 'for=127.0.0.1',
    via: '1.1 proxy',
  }).map(([name, value]) => [name, { headers: { [name]: value } }] as [string, InjectOptions]),
];

t.test('the first account needs the setup code, unless made on the machine itself', async (t) => {
  const { register, code, file, roles, app } = await startNew(t);
  t.match(code, /^[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){3}$/);
  const before = allRows(file);
  for (const [name, options] of strangers) {
    for (const given of [undefined, '', newSetupCode(), code.slice(0, -1), `${code}a`]) {
      refused(t, await register('mallory', options, given), 403, setupNeeded, name);
    }
  }
  t.strictSame(allRows(file), before);
  done(t, await register('alice', remote, ` ${code.replaceAll('-', '').toUpperCase()}`), 201);
  done(t, await register('bob', remote, code), 201);
  done(t, await register('carol', {}), 201);
  t.strictSame(
    roles().map(({ role }) => role),
    ['admin', 'user', 'user'],
  );
  await app.close();
  for (const host of ['localhost', 'localhost:3000', '127.0.0.1:80', '[::1]:3000']) {
    const { register, roles } = await startNew(t);
    const remoteAddress = host.startsWith('[') ? '::1' : '::ffff:127.0.0.1';
    done(t, await register('alice', { headers: { host }, remoteAddress }), 201);
    t.match(roles(), [{ role: 'admin' }], host);
  }
});

t.test('of ten simultaneous uses of the setup code, one makes the admin', async (t) => {
  const { register, code, roles } = await startNew(t);
  const names = Array.from({ length: 10 }, (_, i) => `user-${i}`);
  const answers = await Promise.all(names.map((name) => register(name, remote, code)));
  for (const answer of answers) done(t, answer, 201);
  t.equal(roles().filter(({ role }) => role === 'admin').length, 1);
});

t.test('a server is set up only once, even after all accounts are deleted', async (t) => {
  for (const mode of ['open', 'invite'] as const) {
    const { register, code, roles, nobody, file } = await startNew(t, { REGISTRATION: mode });
    const alice = nobody();
    done(t, await alice.post('/api/user', fieldsOf('alice')), 201);
    done(t, await alice.delete('/api/user'));
    t.strictSame(roles(), []);
    for (const [options, setup] of [[remote, code], [remote], [{}], [{}, code]] as const) {
      const answer = await register(`mallory-${roles().length}`, options, setup);
      if (mode === 'open') done(t, answer, 201);
      else
        refused(
          t,
          answer,
          403,
          'You need an invite to register on this server. Ask one of its users for one.',
        );
    }
    t.notOk(
      roles().some(({ role }) => role === 'admin'),
      mode,
    );
    t.strictSame(query(file, 'select * from server_state where key = ?', 'setup'), [
      { key: 'setup', value: 'done' },
    ]);
  }
  const { register, code } = await startNew(t, { REGISTRATION: 'closed' });
  const closed = 'This server accepts no new users. Ask the person who runs it for an account.';
  for (const setup of [undefined, code]) {
    refused(t, await register('alice', remote, setup), 403, closed);
  }
});

t.test('only on the machine itself does the page say that the server is new', async (t) => {
  const { app, register } = await startNew(t);
  const isFresh = async (options: InjectOptions = {}) => {
    const { body } = await app.inject({ method: 'GET', url: '/', ...options });
    return /data-fresh="(yes|no)"/.exec(body)?.[1];
  };
  t.equal(await isFresh(), 'yes');
  for (const [name, options] of strangers) t.equal(await isFresh(options), 'no', name);
  done(t, await register('alice', {}), 201);
  t.equal(await isFresh(), 'no');
});

t.test('registering ends the session sent with the request, and its streams', async (t) => {
  const cast = await startCast(t);
  const { alice, nobody, file } = cast;
  const phone = await alice.otherDevice();
  const old = { ...alice.cookies };
  const stream = await follow(t, cast, alice);
  done(t, await alice.post('/api/user', fieldsOf('dora')), 201);
  t.not(alice.id, Number(old.user_id));
  t.equal((await alice.get('/api/chats')).status, 200);
  const replay = Object.assign(nobody(), { cookies: old });
  refused(t, await replay.get('/api/chats'), 403, signedOut);
  await stream.ended();
  t.equal((await phone.get('/api/chats')).status, 200, 'no other session ends');
  refused(t, await alice.post('/api/user', fieldsOf('dora')), 400, taken);
  t.equal((await alice.get('/api/chats')).status, 200, 'a failed registration ends nothing');
  t.equal(query(file, 'select * from sessions where user_id = ?', alice.id).length, 1);
});

t.test('registration follows the mode of the server', async (t) => {
  const first = async (mode: string) => {
    const { nobody } = await startWorld(t, { REGISTRATION: mode });
    return [
      await nobody().post('/api/user', fieldsOf('alice')),
      await nobody().post('/api/user', fieldsOf('bob')),
    ] as const;
  };
  const closed = 'This server accepts no new users. Ask the person who runs it for an account.';
  for (const answer of await first('closed')) refused(t, answer, 403, closed);
  const [alice, bob] = await first('invite');
  done(t, alice, 201);
  refused(
    t,
    bob,
    403,
    'You need an invite to register on this server. Ask one of its users for one.',
  );
});

t.test('a new password ends all other sessions but not this one', async (t) => {
  const { alice, bob, nobody } = await startCast(t);
  const phone = await alice.otherDevice();
  done(t, await changePassword(alice));
  t.equal((await alice.get('/api/chats')).status, 200);
  t.equal((await bob.get('/api/chats')).status, 200);
  refused(t, await phone.get('/api/chats'), 403, signedOut);
  const login = (given: string) => nobody().post('/api/login', { name: 'alice', password: given });
  refused(t, await login(password), 400, 'The name or the password is wrong.');
  done(t, await login(changed));
  done(t, await nobody().post('/api/login', { name: 'bob', password }));
});

t.test('changing a password takes the current one and a valid new one', async (t) => {
  const { alice, bob, file } = await startCast(t);
  const before = allRows(file);
  const wrong = { current_password: 'not my own' };
  refused(t, await changePassword(alice, wrong), 400, wrongCurrent);
  refused(t, await changePassword(alice, { current_password: '' }), 400, wrongCurrent);
  refused(t, await changePassword(alice, { current_password: ` ${password}` }), 400, wrongCurrent);
  const url = `/api/user/${alice.id}/password`;
  const missing = 'Enter your current password too.';
  refused(t, await alice.put(url, { password: changed }), 400, missing);
  refused(t, await alice.put(url, { current_password: password }), 400, badPassword);
  refused(t, await changePassword(alice, { password: 'short' }), 400, badPassword);
  refused(t, await changePassword(alice, { password: 'x'.repeat(1025) }), 400, badPassword);
  const common = 'This password is too common. Choose another one.';
  refused(t, await changePassword(alice, { password: 'password1' }), 400, common);
  const { email } = (await bob.get('/api/user?name=alice')).body.user;
  const own = 'The password must differ from the name and the e-mail address. Choose another one.';
  refused(t, await changePassword(alice, { password: email.toUpperCase() }), 400, own);
  const other = 'You can change and delete only your own account.';
  refused(t, await changePassword(bob, {}, alice.id), 403, other);
  refused(t, await changePassword(alice, {}, 999_999), 404, noUser);
  t.strictSame(allRows(file), before);
});

t.test('of two simultaneous password changes, one succeeds and the other is refused', async (t) => {
  const { alice, nobody } = await startCast(t);
  const passwords = ['first horse battery', 'second horse battery'];
  const answers = await Promise.all(
    passwords.map((one) => changePassword(alice, { password: one })),
  );
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 400]);
  for (const [i, answer] of answers.entries()) {
    const fields = { name: 'alice', password: passwords[i] ?? '' };
    const login = await nobody().post('/api/login', fields);
    if (answer.status === 200) done(t, login);
    else refused(t, answer, 400, wrongCurrent);
    if (answer.status !== 200) refused(t, login, 400);
  }
});

t.test('after a change the old password stops working immediately', async (t) => {
  const { alice, file, nobody } = await startCast(t);
  const devices = Array.from({ length: 12 }, () => nobody());
  const signIn = (device: Person) => device.post('/api/login', { name: 'alice', password });
  const early = devices.slice(0, 6).map(signIn);
  const change = changePassword(alice);
  const simultaneous = devices.slice(6).map(signIn);
  done(t, await change);
  const late = await signIn(nobody());
  refused(t, late, 400);
  for (const answer of await Promise.all([...early, ...simultaneous])) {
    if (answer.status !== 200) refused(t, answer, 400);
  }
  for (const device of devices) refused(t, await device.get('/api/chats'), 403, signedOut);
  const sessions = query(file, 'select * from sessions where user_id = ?', alice.id);
  t.equal(sessions.length, 1, 'the session that made the change');
});

t.test('a sign-in verified before a password change and written after it is refused', async (t) => {
  const { alice, db, file, nobody } = await startCast(t);
  const proved = Promise.withResolvers<void>();
  const changed = Promise.withResolvers<void>();
  const write = db.write.bind(db);
  db.write = async (mutation, input) => {
    if (mutation.name === 'signIn') {
      proved.resolve();
      await changed.promise;
    }
    return write(mutation, input);
  };
  const login = nobody().post('/api/login', { name: 'alice', password });
  await proved.promise;
  done(t, await changePassword(alice));
  changed.resolve();
  refused(t, await login, 400, 'The name or the password is wrong.');
  t.equal(query(file, 'select * from sessions where user_id = ?', alice.id).length, 1);
});
