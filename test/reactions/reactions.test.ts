import t from 'tap';
import { done, refused } from '../helpers/answers.ts';
import { allRows, damage, query } from '../helpers/rows.ts';
import { type Person, startCast } from '../helpers/world.ts';

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

t.test('reactions stand beside their message, to the letter', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const plain = await alice.send(chat, 'plain');
  const id = await alice.send(chat, 'Nine?');
  done(t, await react(bob, chat, id, '👍'));
  done(t, await react(alice, chat, id, '🎉'));
  done(t, await react(alice, chat, id, '👍'));
  const time = '2026-11-22T08:35:52.123Z';
  const reactions = `[{"emoji":"🎉","user_ids":[${alice.id}]},{"emoji":"👍","user_ids":[${alice.id},${bob.id}]}]`;
  const message = `{"content":"Nine?","id":${id},"sender_id":${alice.id},"time":"${time}","reactions":${reactions}}`;
  t.equal((await bob.get(`${chat}/messages/${id}`)).text, `{"message":${message}}`);
  t.equal(
    (await bob.get(chat)).text,
    `{"messages":[{"content":"plain","id":${plain},"sender_id":${alice.id},"time":"${time}"},${message}]}`,
  );
  t.equal((await bob.get(`${chat}?before=${id}`)).body.messages[0].reactions, undefined);
});

t.test('to react or take it back twice does no harm', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const events = () => query(file, "select * from events where type = 'reaction'").length;
  const answers = await Promise.all(Array.from({ length: 10 }, () => react(bob, chat, id, '👍')));
  for (const answer of answers) done(t, answer);
  t.strictSame(await reactionsTo(alice, chat, id), [{ emoji: '👍', user_ids: [bob.id] }]);
  t.equal(events(), 1, 'and is told once');
  done(t, await unreact(alice, chat, id, '👍'));
  t.strictSame(await reactionsTo(alice, chat, id), [{ emoji: '👍', user_ids: [bob.id] }]);
  for (let i = 0; i < 2; i++) done(t, await unreact(bob, chat, id, '👍'));
  t.equal(await reactionsTo(alice, chat, id), undefined);
  t.equal(events(), 2);
});

t.test('a reaction is one emoji, however long that is', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const good = ['👍', '👍🏽', '❤️', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇩🇪', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', '1️⃣', '☺️', '👩🏾‍❤️‍💋‍👨🏻'];
  for (const emoji of good) done(t, await react(alice, chat, id, emoji));
  const given: { emoji: string }[] = await reactionsTo(alice, chat, id);
  t.strictSame(new Set(given.map(({ emoji }) => emoji)), new Set(good), 'kept as it came');
  for (const emoji of good) done(t, await unreact(alice, chat, id, emoji));
  const before = allRows(file);
  const bad = ['a', '1', ':)', '👍👍', '👍a', ' 👍', '👍 ', '👍\n', '❤', '\u200d', '\ufe0f', '🇩'];
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

t.test('a message takes 50 different emoji, from whomever', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const faces = Array.from({ length: 51 }, (_, i) => String.fromCodePoint(0x1f600 + i));
  for (const emoji of faces.slice(0, 50)) done(t, await react(alice, chat, id, emoji));
  const tooMany = 'This message has as many different reactions as it can have.';
  refused(t, await react(bob, chat, id, faces[50] ?? ''), 400, tooMany);
  t.equal((await reactionsTo(bob, chat, id)).length, 50);
  done(t, await react(bob, chat, id, faces[0] ?? ''));
  done(t, await unreact(alice, chat, id, faces[1] ?? ''));
  done(t, await react(bob, chat, id, faces[50] ?? ''));
});

t.test('only members react, and only to what is there', async (t) => {
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

t.test('reactions go with their message, and stay when their giver leaves', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const [id, other] = [await alice.send(chat, 'Nine?'), await alice.send(chat, 'Ten?')];
  for (const message of [id, other]) done(t, await react(bob, chat, message, '👍'));
  done(t, await alice.put(`${chat}/messages/${id}`, { content: 'Nine!' }));
  t.match(await reactionsTo(alice, chat, id), [{ emoji: '👍' }], 'an edit changes nothing');
  done(t, await alice.delete(`${chat}/messages/${id}`));
  t.strictSame(query(file, 'select message_id from reactions'), [{ message_id: other }]);
  const bobId = bob.id;
  await bob.delete('/api/user');
  t.strictSame(await reactionsTo(alice, chat, other), [{ emoji: '👍', user_ids: [bobId] }]);
  await alice.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);
  t.strictSame(query(file, 'select * from reactions'), []);
  t.strictSame(damage(file), []);
});
