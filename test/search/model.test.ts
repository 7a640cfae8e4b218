/** After any changes, a search finds what reading all messages finds. */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { extendAll } from '../../src/jobs/search-vocabulary.ts';
import { indexAllWaiting } from '../../src/jobs/waiting-messages.ts';
import { blockSize } from '../../src/search-index/blocks.ts';
import { indexNext, rebuildPortion } from '../../src/search-index/rebuild.ts';
import { forgetStaleWords } from '../../src/search-index/vocabulary/stale.ts';
import { entriesOf, extendVocabularies } from '../../src/search-index/vocabulary/vocabulary.ts';
import { hurried } from '../helpers/database.ts';
import { seedOf } from '../helpers/random.ts';
import { execute, query } from '../helpers/rows.ts';
import { ids, isFound, replaceIndex } from '../helpers/search.ts';
import { type Person, startCast } from '../helpers/world.ts';

/** SEARCH_RUNS=500 takes some minutes. */
const numRuns = Number(process.env.SEARCH_RUNS ?? 4);

interface Said {
  readonly id: number;
  readonly sender: Person;
  content: string;
}

interface Place {
  readonly address: string;
  readonly id: number;
  readonly members: Set<Person>;
  said: Said[];
}

/** The random values of a step; each kind of step uses those that it needs. */
interface Step {
  readonly does: keyof typeof kinds;
  readonly who: number;
  readonly where: number;
  readonly words: readonly string[];
  readonly nth: number;
  readonly style: 'words' | 'prefix' | 'phrase';
  readonly limit: string;
  readonly from: number | null;
  readonly isEverywhere: boolean;
  readonly isBefore: boolean;
}

interface State extends Awaited<ReturnType<typeof startCast>> {
  readonly people: readonly Person[];
  readonly places: readonly Place[];
  found: number;
}

/** A step with the objects that it works on. */
interface Scene {
  readonly state: State;
  readonly person: Person;
  readonly place: Place;
  readonly step: Step;
  /** One of the person's own messages in the place. */
  readonly own: Said | undefined;
  readonly isMember: boolean;
}

const kinds = {
  post: async ({ person, place, step, isMember }: Scene) => {
    if (!isMember) return;
    const content = step.words.join(' ');
    const id = await person.send(place.address, content);
    place.said.push({ id, sender: person, content });
  },

  edit: async ({ person, place, step, own, isMember }: Scene) => {
    if (!isMember || own === undefined) return;
    own.content = step.words.join(', ');
    await person.put(`${place.address}/messages/${own.id}`, { content: own.content });
  },

  remove: async ({ person, place, own, isMember }: Scene) => {
    if (!isMember || own === undefined) return;
    await person.delete(`${place.address}/messages/${own.id}`);
    place.said = place.said.filter((said) => said !== own);
  },

  join: async ({ state: { alice }, person, place, isMember }: Scene) => {
    if (isMember) return;
    await alice.post(`${place.address}/members`, { name: person.name });
    place.members.add(person);
  },

  leave: async ({ state: { alice }, person, place, isMember }: Scene) => {
    if (!isMember || person === alice) return;
    await person.delete(`/api/chats?chat_id=${place.id}`);
    place.members.delete(person);
  },

  /** As after many posts and deletions: the next message opens a block. */
  openBlock: async ({ state: { file }, place }: Scene) =>
    execute(
      file,
      `update chats set posted = (posted / ${blockSize} + 1) * ${blockSize} where id = ?`,
      place.id,
    ),

  startRebuild: ({ state: { db } }: Scene) => replaceIndex(db),

  indexWaiting: ({ state: { db } }: Scene) => indexAllWaiting(db),

  /** The vocabulary of one block learns some of its messages. */
  extend: ({ state: { db }, place }: Scene) =>
    db.write(hurried(extendVocabularies), { chatIds: [place.id] }),

  forget: ({ state: { db } }: Scene) => db.write(hurried(forgetStaleWords), {}),

  indexNext: ({ state: { db } }: Scene) => db.write(indexNext, { limit: 5 }),

  search: async (scene: Scene) => {
    const { state, person, place, step } = scene;
    const { words, style, limit } = step;
    if (!step.isEverywhere && !scene.isMember) return;
    const from = step.from === null ? undefined : state.people[step.from];
    const all = allOf(scene);
    const before = step.isBefore ? all[step.nth % all.length]?.id : undefined;
    const wanted = all
      .filter(({ sender }) => from === undefined || sender === from)
      .filter(({ id }) => before === undefined || id < before)
      .filter(({ content }) => isFound(content, words, style))
      .map(({ id }) => id);
    const text = words.join(' ');
    const q = { words: `${text} `, prefix: text, phrase: `"${text}"` }[style];
    const filters = {
      limit,
      ...(!step.isEverywhere && { chat_id: String(place.id) }),
      ...(from !== undefined && { from: from.name }),
      ...(before !== undefined && { before: String(before) }),
    };
    const found = await ids(person, q, filters, () => kinds.post(scene));
    if (String(found) !== String(wanted)) {
      throw new Error(`${person.name}, ${q}: ${found} and not ${wanted}`);
    }
    state.found += found.length;
  },
};

/** The messages that a search covers, newest first. */
function allOf({ state: { places }, person, place, step }: Scene): Said[] {
  const searched = step.isEverywhere
    ? places.filter(({ members }) => members.has(person))
    : [place];
  return searched.flatMap(({ said }) => said).sort((one, other) => other.id - one.id);
}

const frequent = { post: 12, search: 8, edit: 2, remove: 2 };
const rare = {
  join: 1,
  leave: 1,
  openBlock: 1,
  startRebuild: 1,
  indexNext: 2,
  indexWaiting: 2,
  extend: 4,
  forget: 2,
};

const steps = fc.array(
  fc.record({
    does: fc.oneof(
      ...Object.entries({ ...frequent, ...rare }).map(([name, weight]) => ({
        weight,
        arbitrary: fc.constant(name as keyof typeof kinds),
      })),
    ),
    who: fc.nat({ max: 2 }),
    where: fc.nat({ max: 3 }),
    words: fc.array(fc.constantFrom('aa', 'ab', 'abc', 'b', 'É', 'ee', '山', '川', 'ß', 'ss'), {
      minLength: 1,
      maxLength: 4,
    }),
    nth: fc.nat(),
    style: fc.constantFrom('words' as const, 'prefix' as const, 'phrase' as const),
    limit: fc.constantFrom('1', '3', '50'),
    from: fc.option(fc.nat({ max: 2 })),
    isEverywhere: fc.boolean(),
    isBefore: fc.boolean(),
  }),
  { minLength: 120, maxLength: 160 },
);

/** Alice has four chats; bob is in two of them, carol in one. */
async function startState(t: Test): Promise<State> {
  const cast = await startCast(t);
  const { alice, bob, carol } = cast;
  const places: Place[] = [];
  for (const others of [[bob, carol], [bob], [], []]) {
    const address = await alice.createChat('talk');
    for (const { name } of others) await alice.post(`${address}/members`, { name });
    const id = Number(address.split('/').at(-1));
    places.push({ address, id, members: new Set([alice, ...others]), said: [] });
  }
  return { ...cast, people: [alice, bob, carol], places, found: 0 };
}

async function take(state: State, step: Step): Promise<void> {
  const person = state.people[step.who] ?? state.alice;
  const place = state.places[step.where];
  if (place === undefined) return;
  const mine = place.said.filter(({ sender }) => sender === person);
  const own = mine[step.nth % mine.length];
  const isMember = place.members.has(person);
  await kinds[step.does]({ state, person, place, step, own, isMember });
}

/** In the end the vocabularies have exactly the words of the messages. */
async function requireExact({ db, file }: State): Promise<void> {
  while (await db.write(rebuildPortion, {}));
  await extendAll(db);
  const texts = query(
    file,
    `select content, (select max(first_id) from search_blocks as b
      where b.chat_id = m.chat_id and b.first_id <= m.id) as block from messages as m`,
  );
  const wanted = texts.flatMap(({ block, content }) =>
    entriesOf(String(content)).map((word) => `${block} ${word}`),
  );
  const found = query(file, 'select * from search_vocabulary').map(
    ({ block, word }) => `${block} ${word}`,
  );
  const difference = [...new Set(wanted).symmetricDifference(new Set(found))];
  if (difference.length > 0) throw new Error(`vocabularies: ${difference}`);
}

t.test('a search finds what reading all messages finds', async (t) => {
  let found = 0;
  const run = async (taken: readonly Step[]) => {
    const state = await startState(t);
    for (const step of taken) await take(state, step);
    await requireExact(state);
    found += state.found;
  };
  const seed = seedOf(t);
  await fc.assert(fc.asyncProperty(steps, run), { seed, numRuns, endOnFailure: true });
  t.ok(found > 20, `${found} hits`);
});
