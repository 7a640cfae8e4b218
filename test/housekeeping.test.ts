import { readFileSync } from 'node:fs';
import t from 'tap';
import { tidyUp } from '../src/housekeeping.ts';
import { startCast } from './helpers/world.ts';

t.test('a deleted text is in no file any more', async (t) => {
  const { db, file, alice, chat } = await startCast(t);
  const text = 'Nobody shall ever read this sentence again.';
  const bytes = () => [file, `${file}-wal`].map((name) => readFileSync(name, 'utf8')).join();
  const id = await alice.send(chat, text);
  t.match(bytes(), text);
  await alice.delete(`${chat}/messages/${id}`);
  t.match(bytes(), text, 'its pages are still in the log');
  await tidyUp(db);
  t.notMatch(bytes(), text);
});
