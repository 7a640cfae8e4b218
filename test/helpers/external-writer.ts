/**
 * A process that writes while a server runs: it posts messages, one after another, to the given
 * chat as the given user. Started by test/cli/open-for-cli.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openForCli } from '../../src/db/admin/open-for-cli.ts';
import { postMessage } from '../../src/messages/messages.ts';

const [file = '', chatId, userId, count] = process.argv.slice(2);
const db = openForCli(file);
for (let i = 0; i < Number(count); i++) {
  const input = { chatId: Number(chatId), userId: Number(userId), content: `external ${i}` };
  const { id } = await db.write(postMessage, input);
  console.log(id);
  // Gives the server its turn: the lock goes to whichever process asks at the right moment.
  await sleep(3);
}
await db.close();
