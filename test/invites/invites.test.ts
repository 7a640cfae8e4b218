import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { done, refused } from '../helpers/answers.ts';
import { pagesOf } from '../helpers/pages.ts';
import { allRows, damage, execute, query } from '../helpers/rows.ts';
import {
  openWorld,
  type Person,
  password,
  startCast,
  startWorld,
  tempFolder,
} from '../helpers/world.ts';

const noInvite = 'This invite does not exist or is no longer valid. Ask for a new one.';
const notMember = 'You are not a member of this chat. Ask one of its members to add you.';
const noChat = 'There is no such chat.';
const taken = 'This name is taken. Choose another one.';

const week = 7 * 24 * 3_600_000;

/** Makes an invite; returns its address. */
async function invite(person: Person, chat: string, fields: Record<string, string> = {}) {
  const answer = await person.post(`${chat}/invites`, fields);
  if (answer.status !== 201) throw new Error(`no invite: ${answer.text}`);
  return String(answer.headers.location);
}

const codeOf = (address: string) => address.split('/').at(-1) ?? '';
const idOf = (chat: string) => Number(chat.split('/').at(-1));
const codesOf = async (person: Person, chat: string): Promise<string[]> =>
  (await person.get(`${chat}/invites`)).body.invites.map(({ code }: { code: string }) => code);

const revoke = (person: Person, chat: string, address: string) =>
  person.delete(`${chat}/invites?code=${codeOf(address)}`);

const register = (person: Person, name: string, fields: Record<string, string> = {}) =>
  person.post('/api/user', { name, password, email: `${name}@example.org`, ...fields });

t.test('an invite leads into its chat, and names the chat', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  const answer = await bob.post(`${chat}/invites`);
  done(t, answer, 201);
  const address = String(answer.headers.location);
  t.match(address, /^\/api\/invites\/[A-Za-z0-9_-]{22,}$/, '22 such characters are 132 bits');
  t.equal(
    (await carol.get(address)).text,
    `{"invite":{"chat_id":${idOf(chat)},"expires":"2026-11-29T08:35:52.123Z","members":2,"title":"Sunday hike"}}`,
  );
  refused(t, await carol.get(chat), 403, notMember);
  const joined = await carol.post(address);
  done(t, joined, 201);
  t.equal(joined.headers.location, chat);
  t.match((await alice.get(`${chat}/members`)).body.members[2], { name: 'carol', role: 'member' });
  done(t, await carol.post(address), 201);
  t.equal((await alice.get(`${chat}/members`)).body.members.length, 3, 'and is a member once');
});

t.test('codes are long and differ from each other', async (t) => {
  const { alice, chat } = await startCast(t);
  const codes = await Promise.all(
    Array.from({ length: 100 }, async () => codeOf(await invite(alice, chat))),
  );
  t.equal(new Set(codes.map((code) => code.slice(0, 8))).size, 100);
  t.ok(codes.every((code) => Buffer.from(code, 'base64url').length * 8 >= 128));
});

t.test('an owner sees all invites of a chat, other members only their own', async (t) => {
  const { alice, bob, carol, chat, clock } = await startCast(t);
  const first = await invite(alice, chat);
  clock.now += 1000;
  const second = await invite(bob, chat, { max_uses: '2', expires_in: '60' });
  const { status, text } = await alice.get(`${chat}/invites`);
  t.equal(status, 200);
  const [created, later] = ['2026-11-22T08:35:52.123Z', '2026-11-22T08:35:53.123Z'];
  const ofBob = `{"code":"${codeOf(second)}","created":"${later}","expires":"2026-11-22T08:36:53.123Z","user_id":${bob.id},"uses_left":2}`;
  const ofAlice = `{"code":"${codeOf(first)}","created":"${created}","expires":"2026-11-29T08:35:52.123Z","user_id":${alice.id}}`;
  t.equal(text, `{"invites":[${ofBob},${ofAlice}]}`);
  t.equal((await bob.get(`${chat}/invites`)).text, `{"invites":[${ofBob}]}`);
  refused(t, await carol.get(`${chat}/invites`), 403, notMember);
  refused(t, await carol.post(`${chat}/invites`), 403, notMember);
  refused(t, await carol.get('/api/chats/999999/invites'), 404, noChat);
  await alice.put(`${chat}/members/${bob.id}`, { role: 'owner' });
  t.equal((await bob.get(`${chat}/invites`)).text, text);
});

t.test('of 20 simultaneous uses of an invite for one, one succeeds', async (t) => {
  const { alice, chat, file, nobody } = await startCast(t);
  const guests = await Promise.all(
    Array.from({ length: 20 }, (_, i) => nobody().register(`guest ${i}`)),
  );
  const address = await invite(alice, chat, { max_uses: '1' });
  const answers = await Promise.all(guests.map((guest) => guest.post(address)));
  t.equal(answers.filter(({ status }) => status === 201).length, 1);
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    refused(t, answer, 404, noInvite);
  }
  t.equal(query(file, 'select * from memberships').length, 3);
  t.strictSame(query(file, 'select * from invites'), []);
});

t.test('an invite admits as many as it says, and members do not use it up', async (t) => {
  const { alice, bob, carol, chat, nobody } = await startCast(t);
  const address = await invite(alice, chat, { max_uses: '2' });
  for (const member of [alice, bob]) done(t, await member.post(address), 201);
  done(t, await carol.post(address), 201);
  t.match((await alice.get(`${chat}/invites`)).body.invites, [{ uses_left: 1 }]);
  done(t, await carol.post(address), 201);
  const dora = await nobody().register('dora');
  done(t, await dora.post(address), 201);
  const eve = await nobody().register('eve');
  refused(t, await eve.post(address), 404, noInvite);
  refused(t, await alice.post(address), 404, noInvite);
  t.strictSame(await codesOf(alice, chat), []);
});

t.test('an invite expires to the millisecond', async (t) => {
  const { alice, carol, chat, clock, db, file } = await startCast(t);
  const short = await invite(alice, chat, { expires_in: '60' });
  const usual = await invite(alice, chat);
  const createdAt = clock.now;
  clock.now = createdAt + 59_999;
  t.equal((await carol.get(short)).status, 200);
  clock.now = createdAt + 60_000;
  refused(t, await carol.get(short), 404, noInvite);
  refused(t, await carol.post(short), 404, noInvite);
  t.strictSame(await codesOf(alice, chat), [codeOf(usual)]);
  clock.now = createdAt + week - 1;
  t.equal((await carol.get(usual)).status, 200);
  clock.now = createdAt + week;
  const late = await register(carol, 'dora', { invite: codeOf(usual) });
  refused(t, late, 404, noInvite);
  refused(t, await carol.post(usual), 404, noInvite);
  await runMaintenance(db);
  t.strictSame(query(file, 'select * from invites'), [], 'and is cleared');
});

t.test('a member revokes their own invites, an owner any', async (t) => {
  const { alice, bob, carol, chat, file, nobody } = await startCast(t);
  const dora = await nobody().register('dora');
  await alice.post(`${chat}/members`, { name: 'dora' });
  const [ofBob, ofDora] = [await invite(bob, chat), await invite(dora, chat)];
  const elsewhere = await dora.createChat('elsewhere');
  const before = allRows(file);
  const other = 'You can revoke only your own invites.';
  refused(t, await revoke(bob, chat, ofDora), 403, other);
  refused(t, await revoke(carol, chat, ofBob), 403, notMember);
  refused(t, await revoke(dora, elsewhere, ofBob), 404, noInvite);
  refused(t, await revoke(alice, chat, 'never-was'), 404, noInvite);
  t.strictSame(allRows(file), before);
  done(t, await revoke(bob, chat, ofBob));
  done(t, await revoke(alice, chat, ofDora));
  for (const dead of [ofBob, ofDora]) refused(t, await carol.post(dead), 404, noInvite);
  refused(t, await revoke(alice, chat, ofDora), 404, noInvite);
});

t.test('an invite ends with its maker’s membership, and with its chat', async (t) => {
  const { alice, bob, carol, chat, file, nobody } = await startCast(t);
  const dora = await nobody().register('dora');
  await alice.post(`${chat}/members`, { name: 'dora' });
  const left = await invite(bob, chat);
  const removed = await invite(dora, chat);
  await bob.delete(`/api/chats?chat_id=${idOf(chat)}`);
  await alice.delete(`${chat}/members?user_id=${dora.id}`);
  for (const dead of [left, removed]) refused(t, await carol.post(dead), 404, noInvite);
  await alice.post(`${chat}/members`, { name: 'bob' });
  refused(t, await carol.post(left), 404, noInvite);

  const ofDisabled = await invite(bob, chat);
  await alice.put(`/api/users/${bob.id}`, { disabled: '1' });
  refused(t, await carol.post(ofDisabled), 404, noInvite);
  await alice.put(`/api/users/${bob.id}`, { disabled: '0' });
  refused(t, await carol.post(ofDisabled), 404, noInvite);
  Object.assign(bob.cookies, (await bob.otherDevice()).cookies);

  const deleted = await invite(bob, chat);
  await bob.delete('/api/user');
  refused(t, await carol.post(deleted), 404, noInvite);

  const last = await invite(alice, chat);
  await alice.delete(`/api/chats?chat_id=${idOf(chat)}`);
  refused(t, await carol.post(last), 404, noInvite);
  t.strictSame(query(file, 'select * from invites'), []);
  t.strictSame(damage(file), []);
});

t.test('all invalid codes get the same answer', async (t) => {
  const { alice, bob, carol, chat, clock, nobody } = await startCast(t);
  const dora = await nobody().register('dora');
  const [used, expired] = [
    await invite(alice, chat, { max_uses: '1' }),
    await invite(alice, chat, { expires_in: '1' }),
  ];
  const [revoked, orphaned] = [await invite(alice, chat), await invite(bob, chat)];
  await dora.post(used);
  await revoke(alice, chat, revoked);
  await bob.delete(`/api/chats?chat_id=${idOf(chat)}`);
  clock.now += 1000;
  const dead = [used, expired, revoked, orphaned, '/api/invites/never-was'];
  for (const address of dead) {
    for (const answer of [await carol.get(address), await carol.post(address)]) {
      refused(t, answer, 404, noInvite, address);
    }
    const answer = await register(nobody(), 'eve', { invite: codeOf(address) });
    refused(t, answer, 404, noInvite, address);
  }
  const incomplete = 'The invite code is incomplete. Copy it again.';
  for (const code of ['x'.repeat(65), 'x.y', '%20', 'x%00']) {
    refused(t, await carol.get(`/api/invites/${code}`), 400, incomplete, code);
  }
});

t.test('codes cannot be guessed, and a disabled user cannot join by one', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const address = await invite(bob, chat, { max_uses: '1' });
  const code = codeOf(address);
  const near = [...code].map((letter, i) => {
    const other = letter === 'A' ? 'B' : 'A';
    return code.slice(0, i) + other + code.slice(i + 1);
  });
  const guesses = Array.from({ length: 500 }, () => randomBytes(16).toString('base64url'));
  const before = allRows(file);
  const swapped = code.replace(/[a-z]/gi, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  );
  for (const guess of [...guesses, ...near, swapped, code.slice(0, -1), `${code}A`]) {
    const { status, text } = await carol.post(`/api/invites/${guess}`);
    t.strictSame([status, text], [404, JSON.stringify({ error: noInvite })]);
  }
  t.strictSame(allRows(file), before);
  done(t, await alice.put(`/api/users/${carol.id}`, { disabled: '1' }));
  refused(t, await carol.post(address), 403, 'You are not signed in. Sign in first.');
  t.match((await bob.get(`${chat}/invites`)).body.invites, [{ code, uses_left: 1 }]);
});

t.test('an invite’s limits must be whole numbers', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const badUses = 'The number in max_uses must be a whole number from 1 to 999999.';
  const badTime = 'The seconds in expires_in must be a whole number from 1 to 31536000.';
  for (const value of ['', '0', '-1', '01', '1.5', '1e3', 'x', '1000000']) {
    refused(t, await alice.post(`${chat}/invites`, { max_uses: value }), 400, badUses, value);
  }
  for (const value of ['', '0', '-1', '01', '1.5', '1e3', 'x', '100000000']) {
    refused(t, await alice.post(`${chat}/invites`, { expires_in: value }), 400, badTime, value);
  }
  t.strictSame(query(file, 'select * from invites'), []);
  t.ok(await invite(alice, chat, { max_uses: '999999', expires_in: '31536000' }));
  done(t, await alice.request({ method: 'POST', url: `${chat}/invites` }), 201);
});

t.test('an invite is valid for at most a year, a member’s for 30 days and 100 uses', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const tooLong = 'An invite can be valid for at most a year. Use a smaller expires_in.';
  const tooLarge =
    'The invite of a member can be valid for at most 30 days and 100 people. Ask an owner of the chat.';
  const make = (person: Person, fields: Record<string, string>) =>
    person.post(`${chat}/invites`, fields);
  refused(t, await make(alice, { expires_in: '31536001' }), 400, tooLong);
  refused(t, await make(bob, { expires_in: '99999999' }), 400, tooLong);
  refused(t, await make(bob, { expires_in: String(30 * 86_400 + 1) }), 403, tooLarge);
  refused(t, await make(bob, { max_uses: '101' }), 403, tooLarge);
  t.strictSame(query(file, 'select * from invites'), []);
  done(t, await make(bob, { expires_in: String(30 * 86_400), max_uses: '100' }), 201);
  done(t, await make(bob, {}), 201);
  const uses = query(file, 'select uses_left from invites where user_id = 2');
  t.strictSame(uses, [{ uses_left: 100 }, { uses_left: 100 }], 'without max_uses as well');
  done(t, await make(alice, { expires_in: '31536000' }), 201);
  t.strictSame(query(file, 'select uses_left from invites where user_id = 1'), [
    { uses_left: null },
  ]);
});

t.test('if only owners may invite, no other member can', async (t) => {
  const { alice, bob, carol, chat, nobody, ...world } = await startCast(t);
  await world.register('dave');
  const ownersOnly = 'Only an owner of this chat may do this.';
  const [before, ofAlice] = [await invite(bob, chat), await invite(alice, chat)];
  refused(t, await bob.put(`${chat}/permissions`, { invite: 'owners' }), 403, ownersOnly);
  done(t, await alice.put(`${chat}/permissions`, { invite: 'owners' }));
  refused(t, await bob.post(`${chat}/invites`), 403, ownersOnly);
  refused(t, await bob.post(`${chat}/members`, { name: 'dave' }), 403, ownersOnly);
  refused(t, await carol.get(before), 404, noInvite);
  refused(t, await carol.post(before), 404, noInvite);
  const code = codeOf(before);
  refused(t, await register(nobody(), 'erin', { invite: code }), 404, noInvite);
  t.strictSame(await codesOf(alice, chat), [codeOf(ofAlice)]);
  t.strictSame(await codesOf(bob, chat), []);
  done(t, await carol.post(ofAlice), 201);
  done(t, await alice.post(`${chat}/members`, { name: 'dave' }), 201);
  done(t, await alice.put(`${chat}/members/${bob.id}`, { role: 'owner' }));
  t.equal((await carol.get(before)).status, 200, 'it is valid while its maker may invite');
  done(t, await alice.put(`${chat}/members/${bob.id}`, { role: 'member' }));
  refused(t, await carol.get(before), 404, noInvite);
  done(t, await alice.put(`${chat}/permissions`, { invite: 'everybody' }));
  t.equal((await carol.get(before)).status, 200);
  done(t, await bob.post(`${chat}/invites`), 201);
});

t.test('with open registration, a user who registers by an invite joins its chat', async (t) => {
  const { alice, chat, nobody, file } = await startCast(t);
  const address = await invite(alice, chat, { max_uses: '1' });
  const before = allRows(file);
  refused(t, await register(nobody(), 'bob', { invite: codeOf(address) }), 400, taken);
  t.strictSame(allRows(file), before, 'a failed registration does not use it up');
  const dora = nobody();
  done(t, await register(dora, 'dora', { invite: codeOf(address) }), 201);
  t.equal((await dora.get(chat)).status, 200);
  const eve = nobody();
  refused(t, await register(eve, 'eve', { invite: codeOf(address) }), 404, noInvite);
  done(t, await register(eve, 'eve'), 201);
  t.strictSame((await eve.get('/api/chats')).body, { chats: [] });
});

t.test('with registration by invite, only the first user needs none', async (t) => {
  const { nobody, file } = await startWorld(t, { REGISTRATION: 'invite' });
  const alice = nobody();
  done(t, await register(alice, 'alice'), 201);
  const chat = await alice.createChat('Sunday hike');
  const needed = 'You need an invite to register on this server. Ask one of its users for one.';
  refused(t, await register(nobody(), 'bob'), 403, needed);
  refused(t, await register(nobody(), 'bob', { invite: 'never-was' }), 404, noInvite);
  const address = await invite(alice, chat, { max_uses: '1' });
  const guests = Array.from({ length: 8 }, nobody);
  const answers = await Promise.all(
    guests.map((guest, i) => register(guest, `guest${i}`, { invite: codeOf(address) })),
  );
  t.equal(answers.filter(({ status }) => status === 201).length, 1);
  for (const answer of answers.filter(({ status }) => status !== 201)) {
    refused(t, answer, 404, noInvite);
  }
  t.equal(query(file, 'select * from users').length, 2);
  t.equal(query(file, 'select * from sessions').length, 2);
  t.equal((await alice.get(`${chat}/members`)).body.members.length, 2);
});

t.test('with closed registration, an invite admits no new users', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const code = codeOf(await invite(alice, chat));
  const closed = await openWorld(t, await copyOf(t, file), { REGISTRATION: 'closed' });
  const before = allRows(closed.file);
  const answer = await register(closed.nobody(), 'dora', { invite: code });
  refused(
    t,
    answer,
    403,
    'This server accepts no new users. Ask the person who runs it for an account.',
  );
  t.strictSame(allRows(closed.file), before);
  const carol = await Object.assign(closed.nobody(), { name: 'carol' }).otherDevice();
  done(t, await carol.post(`/api/invites/${code}`), 201);
  t.equal((await carol.get(chat)).status, 200, 'existing users can join by it');
});

/** A copy of an open database. */
async function copyOf(t: Test, file: string): Promise<string> {
  const copy = join(await tempFolder(t), 'snug.db');
  execute(file, 'vacuum into ?', copy);
  return copy;
}

t.test('invites are paginated, newest first, and shown only to those who may see', async (t) => {
  const { alice, bob, chat, clock } = await startCast(t);
  const made: string[] = [];
  const ofBob: string[] = [];
  for (let i = 0; i < 130; i++) {
    // Some are made in the same millisecond.
    if (i % 4 > 0) clock.now += 1;
    const person = i % 10 === 0 ? bob : alice;
    const code = codeOf(await invite(person, chat));
    made.push(code);
    if (person === bob) ofBob.push(code);
  }
  const codesOf = async (person: Person, query: string) => {
    const pages = await pagesOf<{ code: string }>(person, `${chat}/invites${query}`, 'invites');
    t.ok(pages.every(({ bytes }) => bytes <= 256 * 1024));
    return pages.map(({ items }) => items.map(({ code }) => code));
  };
  for (const [query, most] of [
    ['', 101],
    ['?limit=1', 2],
    ['?limit=7', 8],
  ] as const) {
    for (const [person, codes] of [
      [alice, made],
      [bob, ofBob],
    ] as const) {
      const pages = await codesOf(person, query);
      t.strictSame(pages.flat().sort(), [...codes].sort(), `${person.name} ${query}`);
      t.ok(pages.every((page) => page.length <= most));
    }
  }
  const [first = []] = await codesOf(alice, '?limit=3');
  t.strictSame(first[0], made.at(-1));
  clock.now += week;
  t.strictSame(await codesOf(alice, '?limit=3'), [[]], 'an expired one is on no page');
});
