/** Every claim in docs/attacks.md and docs/asvs.md names tests that exist. */
import t from 'tap';
import { emptyProofs, readClaims } from './helpers/proofs.ts';

/** The number of rows of each part. */
const parts = { A: 28, B: 12, C: 21, D: 22, E: 12, F: 11, G: 27, H: 24, R: 15 };

/** Rows left out, because Snug has neither WebSockets nor scale-out by Redis. */
const absent = ['C11', 'C12', 'G25'];

const attacks = await readClaims('docs/attacks.md', /^[A-HR]\d+$/);
const requirements = await readClaims('docs/asvs.md', /^\d+\.\d+\.\d+/);

t.test('every row is present once, in order', async (t) => {
  const ids = Object.entries(parts)
    .flatMap(([part, count]) => Array.from({ length: count }, (_, i) => `${part}${i + 1}`))
    .filter((id) => !absent.includes(id));
  t.strictSame(
    attacks.map(({ id }) => id),
    ids,
  );
});

t.test('every row names tests that exist, or says why there is none', async (t) => {
  for (const claim of attacks) t.strictSame(await emptyProofs(claim), [], claim.id);
});

t.test('every requirement names tests that exist, or says why there is none', async (t) => {
  t.ok(requirements.length > 100);
  for (const claim of requirements) t.strictSame(await emptyProofs(claim), [], claim.id);
});

t.test('the requirements are listed once, in order', async (t) => {
  const ids = requirements.flatMap(({ id }) => id.split(/, | to /));
  const number = (id: string) => id.split('.').reduce((sum, part) => sum * 100 + Number(part), 0);
  const sorted = [...new Set(ids)].sort((one, other) => number(one) - number(other));
  t.strictSame(ids, sorted);
});

t.test('a proof that names no existing test is reported', async (t) => {
  const claim = { id: 'A1', proofs: ['attacks: no such test', 'nowhere: x', 'TODO-x', 'See: x'] };
  claim.proofs[0] = `attacks: ${claim.proofs[0]?.split('').reverse().join('')}`;
  t.strictSame(await emptyProofs(claim), claim.proofs.slice(0, 3));
});
