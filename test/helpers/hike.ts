/** A server with typical people and chats. */
import { post, type Stage, startChat } from './browser.ts';
import { execute } from './rows.ts';

const map = `Here is the way up:

\`\`\`
Station → Mill → **Ridge** (2 h)
\`\`\``;

const minute = 60_000;
const day = 24 * 60 * minute;

/** A typical chat: several days, replies, reactions, a list, code; and more chats next to it. */
export async function startHike(stage: Stage) {
  const alice = await stage.person('Alice');
  const [bob, carol] = [await stage.person('Bob'), await stage.person('Carol')];
  const garden = await startChat(alice, 'Garden', 'Bob');
  const beans = await post(bob, garden, 'The beans are up, all of them!');
  const train = await startChat(carol, 'Night train to Lisbon', 'Alice', 'Bob');
  const seats = await post(
    carol,
    train,
    'Seats 41 and 42, by the window. @Alice, you have the tickets?',
  );
  await alice.send('POST', '/api/chats', { title: 'Open house', open: '1' });
  const chat = await startChat(alice, 'Sunday hike', 'Bob', 'Carol');
  const who = await post(
    bob,
    chat,
    'Who is in for a hike? The forecast for Sunday is **dry**, for once.',
  );
  const me = await post(carol, chat, 'Me! With the dog, if nobody minds.');
  const water = await post(alice, chat, 'Gladly. I know a way that has water for her, too.');
  const bread = await post(
    bob,
    chat,
    'Then I bring:\n\n- bread and cheese\n- the big flask\n- a map, see https://example.org/map',
  );
  const way = await post(alice, chat, map);
  const dog = await post(carol, chat, 'Two hours are fine for her.', { reply_to: String(way) });
  const when = await post(bob, chat, 'Shall we meet at nine, @Alice?');
  const nine = await post(alice, chat, 'Nine at the station. See you there!');
  for (const [person, id, emoji] of [
    [bob, nine, '👍'],
    [carol, nine, '👍'],
    [carol, nine, '🎉'],
    [alice, dog, '🐶'],
    [alice, bread, '❤️'],
  ] as const) {
    await person.send('PUT', `${chat}/messages/${id}/reactions/${encodeURIComponent(emoji)}`, {});
  }
  await alice.send('POST', `${chat}/invites`, {});
  setBack(stage, {
    [beans]: 3 * day,
    [seats]: day + 200 * minute,
    [who]: 2 * day + 50 * minute,
    [me]: 2 * day + 41 * minute,
    [water]: 2 * day + 12 * minute,
    [bread]: day + 3 * minute,
    [way]: 9 * minute,
    [dog]: 7 * minute,
    [when]: 4 * minute,
  });
  return { alice, chat };
}

/** Dates messages back by these times in ms, directly in the database. */
function setBack({ file }: Stage, times: Record<string, number>): void {
  for (const [id, ms] of Object.entries(times)) {
    execute(file, 'update messages set created_at = created_at - ? where id = ?', ms, Number(id));
  }
  execute(
    file,
    `update chats set last_message_at =
       (select created_at from messages where id = last_message_id)
     where last_message_id is not null`,
  );
}
