import german from 'emojibase-data/de/compact.json' with { type: 'json' };
import english from 'emojibase-data/en/compact.json' with { type: 'json' };
import t from 'tap';
import { qualifiedEmoji } from '../../src/messages/emoji.ts';
import {
  addOwnReactions,
  changeReactions,
  keepOwnReactions,
  type Reaction,
} from '../../src/web/state/reactions.ts';
import { done, refused } from '../helpers/answers.ts';
import { allRows, damage, execute, query } from '../helpers/rows.ts';
import { follow } from '../helpers/sse.ts';
import { type Answer, type Person, startCast } from '../helpers/world.ts';

const badEmoji = 'A reaction must be a single emoji.';
const noMessage = 'There is no such message in this chat.';
const notMember = 'You are not a member of this chat. Ask one of its members to add you.';

/** The address of a reaction, percent-encoded as clients do. */
const place = (chat: string, id: number, emoji: string) =>
  `${chat}/messages/${id}/reactions/${encodeURIComponent(emoji)}`;

const react = (person: Person, chat: string, id: number, emoji: string) =>
  person.put(place(chat, id, emoji));

const unreact = (person: Person, chat: string, id: number, emoji: string) =>
  person.delete(place(chat, id, emoji));

const reactionsTo = async (person: Person, chat: string, id: number) =>
  (await person.get(`${chat}/messages/${id}`)).body.message.reactions;

t.test('reactions are listed with their message, byte for byte', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const plain = await alice.send(chat, 'plain');
  const id = await alice.send(chat, 'Nine?');
  done(t, await react(bob, chat, id, '👍'));
  done(t, await react(alice, chat, id, '🎉'));
  done(t, await react(alice, chat, id, '👍'));
  const time = '2026-11-22T08:35:52.123Z';
  const reactions = `[{"emoji":"🎉","count":1,"user_ids":[${alice.id}]},{"emoji":"👍","count":2,"user_ids":[${alice.id},${bob.id}]}]`;
  const message = `{"content":"Nine?","id":${id},"sender_id":${alice.id},"time":"${time}","reactions":${reactions}}`;
  t.equal((await bob.get(`${chat}/messages/${id}`)).text, `{"message":${message}}`);
  t.equal(
    (await bob.get(chat)).text,
    `{"messages":[{"content":"plain","id":${plain},"sender_id":${alice.id},"time":"${time}"},${message}]}`,
  );
  t.equal((await bob.get(`${chat}?before=${id}`)).body.messages[0].reactions, undefined);
});

t.test('repeating a reaction or its removal does no harm', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const events = () => query(file, "select * from events where type = 'reaction'").length;
  const answers = await Promise.all(Array.from({ length: 10 }, () => react(bob, chat, id, '👍')));
  for (const answer of answers) done(t, answer);
  t.strictSame(await reactionsTo(alice, chat, id), [{ emoji: '👍', count: 1, user_ids: [bob.id] }]);
  t.equal(events(), 1, 'and is sent once');
  done(t, await unreact(alice, chat, id, '👍'));
  t.strictSame(await reactionsTo(alice, chat, id), [{ emoji: '👍', count: 1, user_ids: [bob.id] }]);
  for (let i = 0; i < 2; i++) done(t, await unreact(bob, chat, id, '👍'));
  t.equal(await reactionsTo(alice, chat, id), undefined);
  t.equal(events(), 2);
});

t.test('a reaction is one emoji, of any length', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const good = ['👍', '👍🏽', '❤️', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇩🇪', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', '1️⃣', '☺️', '👩🏾‍❤️‍💋‍👨🏻'];
  for (const emoji of good) done(t, await react(alice, chat, id, emoji));
  const given: { emoji: string }[] = await reactionsTo(alice, chat, id);
  t.strictSame(new Set(given.map(({ emoji }) => emoji)), new Set(good), 'stored unchanged');
  for (const emoji of good) done(t, await unreact(alice, chat, id, emoji));
  const before = allRows(file);
  const bad = ['a', '1', ':)', '👍👍', '👍a', ' 👍', '👍 ', '👍\n', '\u200d', '\ufe0f', '🇩'];
  const worse = ['%', '👍\u0000', '<b>', "'--", '../..', 'x'.repeat(41), '👍'.repeat(41)];
  for (const emoji of [...bad, ...worse]) {
    refused(t, await react(alice, chat, id, emoji), 400, badEmoji, emoji);
  }
  const url = `${chat}/messages/${id}/reactions`;
  refused(t, await alice.put(`${url}/%ff`), 400);
  refused(t, await alice.put(`${url}/%F0%9F%91`), 400);
  refused(t, await alice.put(`${url}/%ED%A0%BD`), 400);
  refused(t, await alice.put(`${url}/%25F0%259F%2591%258D`), 400, badEmoji, 'encoded twice');
  t.strictSame(allRows(file), before);
  done(t, await unreact(alice, chat, id, 'a'), 200);
});

t.test('different forms of an emoji are the same reaction', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const forms = {
    '❤': '❤️',
    '👍\ufe0f': '👍',
    '🏳\u200d🌈': '🏳️‍🌈',
    '#\u20e3': '#️⃣',
    '🕵\u200d♂': '🕵️‍♂️',
  };
  for (const [form, emoji] of Object.entries(forms)) {
    done(t, await react(alice, chat, id, emoji));
    done(t, await react(bob, chat, id, form));
  }
  const given: { emoji: string; count: number }[] = await reactionsTo(alice, chat, id);
  t.strictSame(
    new Map(given.map(({ emoji, count }) => [emoji, count])),
    new Map(
      Object.values(forms)
        .sort()
        .map((emoji) => [emoji, 2]),
    ),
  );
  t.equal((await alice.get(`${place(chat, id, '❤')}`)).body.users.length, 2);
  for (const form of Object.keys(forms)) done(t, await unreact(bob, chat, id, form));
  t.ok((await reactionsTo(alice, chat, id)).every(({ count }: { count: number }) => count === 1));
});

t.test('every emoji that the client offers is accepted unchanged', async (t) => {
  const offered = [...german, ...english]
    .filter(({ group }) => group !== undefined && group !== 2)
    .flatMap((emoji) => [emoji, ...(emoji.skins ?? [])]);
  for (const { unicode } of offered) t.match(qualifiedEmoji(unicode), /^\p{RGI_Emoji}$/v, unicode);
  // Older databases hold each emoji in its one former encoding.
  for (const { unicode } of offered.filter(({ unicode }) => /^\p{RGI_Emoji}$/v.test(unicode))) {
    t.equal(qualifiedEmoji(unicode), unicode);
  }
});

const faces = Array.from({ length: 51 }, (_, i) => String.fromCodePoint(0x1f600 + i));

t.test('a user reacts to a message with at most 20 emoji', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const [id, other] = [await alice.send(chat, 'Nine?'), await alice.send(chat, 'Ten?')];
  for (const emoji of faces.slice(0, 20)) done(t, await react(bob, chat, id, emoji));
  const before = allRows(file);
  const tooMany = 'You can react to a message with at most 20 emoji. Remove one of yours first.';
  refused(t, await react(bob, chat, id, faces[20] ?? ''), 400, tooMany);
  t.strictSame(allRows(file), before);
  done(t, await react(bob, chat, id, faces[0] ?? ''), 200);
  for (const [person, message] of [
    [alice, id],
    [bob, other],
  ] as const) {
    done(t, await react(person, chat, message, faces[20] ?? ''));
  }
  done(t, await unreact(bob, chat, id, faces[1] ?? ''));
  done(t, await react(bob, chat, id, faces[20] ?? ''));
});

/** Makes users from 1,001 on react to some messages with some emoji, without being members. */
function crowd(
  file: string,
  { chat, ids, emoji, users }: { chat: string; ids: number[]; emoji: string[]; users: number },
): void {
  const all = `from json_each(?) as message, json_each(?) as emoji`;
  const values = [chat.split('/').at(-1), JSON.stringify(ids), JSON.stringify(emoji)];
  execute(
    file,
    `with recursive ids(id) as (select 1001 union all select id + 1 from ids where id < ?)
    insert into reactions select ?, message.value, emoji.value, ids.id ${all}, ids`,
    1000 + users,
    ...values,
  );
  execute(
    file,
    `insert into reaction_counts select ?, message.value, emoji.value, ${users} ${all}`,
    ...values,
  );
}

t.test('of many reactions a message shows the first ten users, and the caller’s own', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  await alice.post(`${chat}/members`, { name: 'carol' });
  const id = await alice.send(chat, 'Nine?');
  const emoji = ['👍', '🎉'];
  crowd(file, { chat, ids: [id], emoji, users: 250 });
  // So that none of the ten ids belongs to anybody here.
  execute(file, `update reactions set user_id = user_id - 2000`);
  done(t, await react(bob, chat, id, '👍'));
  const ten = Array.from({ length: 10 }, (_, i) => i - 999);
  const reactions = [
    { emoji: '🎉', count: 250, user_ids: ten },
    { emoji: '👍', count: 251, user_ids: ten },
  ];
  const own = [{ id, emoji: '👍' }];
  for (const url of [chat, `${chat}?limit=3`, `${chat}?before=${id + 1}`]) {
    t.match((await bob.get(url)).body, { messages: [{ id, reactions }], own_reactions: own }, url);
    t.notOk('own_reactions' in (await carol.get(url)).body, 'carol has not reacted');
  }
  const one = `${chat}/messages/${id}`;
  t.strictSame((await bob.get(one)).body.own_reactions, own);
  t.strictSame(Object.keys((await carol.get(one)).body), ['message']);
  done(t, await unreact(bob, chat, id, '👍'));
  t.notOk('own_reactions' in (await bob.get(chat)).body);
});

t.test('the client keeps its own reactions right, whatever events arrive', async (t) => {
  const [me, other] = [7, 8];
  const others = Array.from({ length: 10 }, (_, i) => 100 + i);
  const many = { emoji: '👍', count: 40, user_ids: others };
  const page = { id: 1, content: 'Nine?', sender_id: 1, time: '', reactions: [many] };
  const own = [{ id: 1, emoji: '👍' }];
  const [shown = page] = addOwnReactions([page], own, me);
  t.strictSame(shown.reactions, [{ ...many, user_ids: [me, ...others] }]);
  t.strictSame(addOwnReactions([{ ...page, id: 2 }], own, me)[0]?.reactions, [many]);
  t.strictSame(
    keepOwnReactions({ ...page, content: 'Ten?' }, shown, me).reactions,
    shown.reactions,
  );
  t.strictSame(keepOwnReactions({ ...page, content: 'Ten?' }, page, me).reactions, [many]);
  const apply = (reactions: Reaction[], userId: number, added: boolean, count: number) => {
    const change = { chat_id: 1, id: 1, emoji: '👍', user_id: userId, added, count };
    return changeReactions(reactions, change, me);
  };
  const reacted = apply([many], me, true, 41);
  t.strictSame(reacted, [{ emoji: '👍', count: 41, user_ids: [me, ...others] }]);
  t.strictSame(apply(reacted, me, true, 41), reacted, 'received twice');
  t.strictSame(apply(reacted, other, true, 42)[0]?.user_ids, [me, ...others], 'one of many');
  t.strictSame(apply(reacted, me, false, 40), [many]);
  t.strictSame(apply([], other, true, 1), [{ emoji: '👍', count: 1, user_ids: [other] }]);
  t.strictSame(apply([{ emoji: '👍', count: 1, user_ids: [other] }], other, false, 0), []);
});

t.test('the users who reacted are listed in pages', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  crowd(file, { chat, ids: [id], emoji: ['👍'], users: 199 });
  for (const person of [bob, alice]) done(t, await react(person, chat, id, '👍'));
  const url = place(chat, id, '👍');
  const pages: Answer[] = [];
  for (let next: string | undefined = url; next !== undefined; ) {
    const page = await alice.get(next);
    pages.push(page);
    next = /^<(.+)>; rel="next"$/.exec(String(page.headers.link))?.[1];
  }
  t.strictSame(
    pages.map(({ body }) => body.users.length),
    [100, 100, 1],
  );
  t.strictSame(pages[0]?.body.users.slice(0, 3), [
    { id: alice.id, name: 'alice' },
    { id: bob.id, name: 'bob' },
    { id: 1001 },
  ]);
  t.strictSame((await alice.get(place(chat, id, '🎉'))).body, { users: [] });
  refused(t, await carol.get(url), 403, notMember);
  refused(t, await alice.get(place(chat, 999_999, '👍')), 404, noMessage);
  refused(t, await alice.get(`${url}?after=0`), 400);
});

t.test(
  'with 500,000 reactions on a page, the page, an event and a change stay small',
  async (t) => {
    const cast = await startCast(t);
    const { alice, bob, chat, file } = cast;
    const small = await alice.send(chat, 'Nobody reacts to this.');
    const ids: number[] = [];
    for (let i = 0; i < 50; i++) ids.push(await alice.send(chat, `Number ${i}`));
    crowd(file, { chat, ids, emoji: faces.slice(0, 50), users: 200 });
    const [emoji = ''] = faces;
    const [id = 0] = ids;
    const stream = await follow(t, cast, bob);
    done(t, await react(bob, chat, id, emoji));
    const { text, data } = await stream.next('reaction');
    t.ok(text.length < 1_000, `an event of ${text.length} characters`);
    t.match(data, { chat_id: 1, id, emoji, user_id: bob.id, added: true, count: 201 });
    const page = Buffer.byteLength((await bob.get(chat)).text);
    t.ok(page <= 256 * 1024, `a page of ${page} bytes`);
    const times = { [small]: [] as number[], [id]: [] as number[] };
    for (let round = 0; round < 20; round++) {
      for (const message of [small, id]) {
        const started = performance.now();
        done(t, await (round % 2 === 0 ? unreact : react)(bob, chat, message, emoji));
        times[message]?.push(performance.now() - started);
      }
    }
    const median = (all: number[] = []) => all.sort((a, b) => a - b)[all.length / 2] ?? 0;
    const [light, heavy] = [median(times[small]), median(times[id])];
    t.ok(heavy < 5 * light, `a change takes ${heavy} ms with many reactions, ${light} ms without`);
  },
);

t.test('a message has at most 50 different emoji, from all users together', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  await alice.post(`${chat}/members`, { name: 'carol' });
  const id = await alice.send(chat, 'Nine?');
  for (const [index, emoji] of faces.slice(0, 50).entries()) {
    const person = [alice, bob, carol][index % 3] ?? alice;
    done(t, await react(person, chat, id, emoji));
  }
  const tooMany =
    'This message already has the maximum number of different reactions. Use one of them.';
  refused(t, await react(bob, chat, id, faces[50] ?? ''), 400, tooMany);
  t.equal((await reactionsTo(bob, chat, id)).length, 50);
  done(t, await react(bob, chat, id, faces[0] ?? ''));
  done(t, await unreact(bob, chat, id, faces[1] ?? ''));
  done(t, await react(bob, chat, id, faces[50] ?? ''));
});

t.test('only members react, and only to existing messages', async (t) => {
  const { alice, carol, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const elsewhere = await alice.createChat('elsewhere');
  done(t, await react(alice, chat, id, '👍'));
  const before = allRows(file);
  for (const act of [react, unreact]) {
    refused(t, await act(carol, chat, id, '👍'), 403, notMember);
    refused(t, await act(alice, elsewhere, id, '👍'), 404, noMessage);
    refused(t, await act(alice, chat, 999_999, '👍'), 404, noMessage);
    refused(t, await act(alice, '/api/chats/999999', id, '👍'), 404, 'There is no such chat.');
  }
  t.strictSame(allRows(file), before);
});

t.test('reactions are deleted with their message, and stay when their user leaves', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const [id, other] = [await alice.send(chat, 'Nine?'), await alice.send(chat, 'Ten?')];
  for (const message of [id, other]) done(t, await react(bob, chat, message, '👍'));
  done(t, await alice.put(`${chat}/messages/${id}`, { content: 'Nine!' }));
  t.match(await reactionsTo(alice, chat, id), [{ emoji: '👍' }], 'an edit changes nothing');
  done(t, await alice.delete(`${chat}/messages/${id}`));
  t.strictSame(query(file, 'select message_id from reactions'), [{ message_id: other }]);
  const bobId = bob.id;
  await bob.delete('/api/user');
  t.strictSame(await reactionsTo(alice, chat, other), [
    { emoji: '👍', count: 1, user_ids: [bobId] },
  ]);
  await alice.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);
  t.strictSame(query(file, 'select * from reactions'), []);
  t.strictSame(damage(file), []);
});
