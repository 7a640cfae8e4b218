/** docs/attacks.md is held to the tests that are there. */
import { readFile } from 'node:fs/promises';
import t from 'tap';

const root = new URL('../', import.meta.url);

/** The rows of each part: how many there are. */
const parts = { A: 28, B: 12, C: 21, D: 22, E: 12, F: 11, G: 27 };

/** What Snug has not: WebSockets, and a scale-out by Redis. */
const absent = ['C11', 'C12', 'G25'];

const rows = (await readFile(new URL('docs/attacks.md', root), 'utf8'))
  .split('\n')
  .filter((line) => /^\| [A-G]\d/.test(line))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));

t.test('every row is there once, in order', async (t) => {
  const ids = Object.entries(parts)
    .flatMap(([part, count]) => Array.from({ length: count }, (_, i) => `${part}${i + 1}`))
    .filter((id) => !absent.includes(id));
  t.strictSame(
    rows.map(([id]) => id),
    ids,
  );
});

t.test('every row names tests that are there, or says why there is none', async (t) => {
  for (const [id, , , proof = ''] of rows) {
    if (proof.startsWith('Not here: ')) continue;
    for (const named of proof.split(' · ')) {
      const [, file = '', title = ''] = /^([\w/-]+): (.+)$/.exec(named) ?? [];
      t.ok((await sourceOf(file)).includes(title), `${id}: ${named}`);
    }
  }
});

async function sourceOf(file: string): Promise<string> {
  return readFile(new URL(`test/${file}.test.ts`, root), 'utf8').catch(() => '');
}
