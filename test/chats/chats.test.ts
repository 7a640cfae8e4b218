import t from 'tap';
import { startCast } from '../helpers/world.ts';

t.test('a chat is created and listed', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  const id = Number(chat.split('/').at(-1));
  const { status, text } = await bob.get('/api/chats');
  t.equal(status, 200);
  t.equal(
    text,
    `{"chats":[{"id":${id},"last_message":null,"last_message_time":null,"sender_id":null,"title":"Sunday hike"}]}`,
  );
  t.strictSame((await carol.get('/api/chats')).body, { chats: [] });
  t.equal((await alice.get('/api/chats')).text, text);
});
