/**
 * A process of its own that writes beside a server: posts, one after another, to the chat and as the
 * user that it is told of. Started by test/cli/open-for-cli.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openForCli } from '../../src/db/admin/open-for-cli.ts';
import { postMessage } from '../../src/messages/messages.ts';

const [file = '', chatId, userId, count] = process.argv.slice(2);
const db = openForCli(file);
for (let i = 0; i < Number(count); i++) {
  const input = { chatId: Number(chatId), userId: Number(userId), content: `beside ${i}` };
  const { id } = await db.write(postMessage, input);
  console.log(id);
  // The server has its turn: a lock is had by who asks at the right moment.
  await sleep(3);
}
await db.close();
