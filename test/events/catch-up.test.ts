/**
 * Ten people act at random while their connections break again and again. In the end, what each of
 * them knows from the events only equals what the server says. A seed makes a run; EVENTS_RUNS
 * sets the number of runs, SEED repeats one.
 */
import t, { type Test } from 'tap';
import { clearOldEvents } from '../../src/event-log/retention.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { Replica, stateOf } from '../helpers/replica.ts';
import { addressOf } from '../helpers/sse.ts';
import { type Person, password, startWorld } from '../helpers/world.ts';

const people = 10;
const rounds = 200;
const runs = Number(process.env.EVENTS_RUNS ?? 2);
const seed = seedOf(t);

/** The choices of a run. */
function randomFrom(start: number) {
  const next = randomNumbers(start);
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <Item>(items: readonly Item[]) => items[below(items.length)] as Item;
  return { below, pick };
}

type Random = ReturnType<typeof randomFrom>;

/** Everything that the actions choose from. */
class Play {
  readonly random: Random;
  readonly replicas: readonly Replica[];
  readonly invites: string[] = [];
  #texts = 0;

  constructor(random: Random, replicas: readonly Replica[]) {
    this.random = random;
    this.replicas = replicas;
  }

  /** Lets a person act, whether they may or not. */
  async act(): Promise<void> {
    const { status, text } = await this.random.pick(actions)(this, this.someone());
    if (status >= 500) throw new Error(text);
  }

  someone(): Person {
    return this.random.pick(this.replicas).person;
  }

  /** Most often a chat that the person is in. */
  chat(who: Person): string {
    return `/api/chats/${this.random.pick(this.#chatsOf(who))?.[0] ?? 1}`;
  }

  message(who: Person): string {
    const [id, chat] = this.random.pick(this.#chatsOf(who)) ?? [1];
    // The newest most often, so that several people act on the same one.
    const ids = [...(chat?.messages.keys() ?? [])].slice(-4);
    return `/api/chats/${id}/messages/${this.random.pick(ids) ?? 1}`;
  }

  text(): string {
    this.#texts += 1;
    return `${this.random.pick(['hi', 'data: x', 'a\n\nb', '😀', '@u1'])} ${this.#texts}`;
  }

  #chatsOf(who: Person) {
    const replicas = this.replicas.filter(({ person }) => person === who);
    const { chats } =
      this.random.below(10) > 0 ? (replicas[0] as Replica) : this.random.pick(this.replicas);
    return [...chats];
  }
}

type Action = (play: Play, who: Person) => Promise<{ status: number; text: string }>;

const post: Action = (play, who) => who.post(play.chat(who), { content: play.text() });

const add: Action = (play, who) =>
  who.post(`${play.chat(who)}/members`, { name: play.someone().name });

const actions: Action[] = [
  ...[post, post, post, post, post, post, add, add, add],
  (play, who) => who.post('/api/chats', { title: play.text() }),
  (play, who) => who.post('/api/chats', { with: play.someone().name }),
  async (play, who) => {
    const answer = await who.post(`${play.chat(who)}/invites`);
    if (answer.status === 201) play.invites.push(String(answer.headers.location));
    return answer;
  },
  (play, who) => who.post(play.random.pick(play.invites) ?? '/api/invites/x'),
  (play, who) => who.delete(`/api/chats?chat_id=${play.chat(who).split('/').at(-1)}`),
  (play, who) => who.delete(`${play.chat(who)}/members?user_id=${play.someone().id}`),
  (play, who) =>
    who.put(`${play.chat(who)}/members/${play.someone().id}`, {
      role: play.random.pick(['owner', 'member']),
    }),
  (play, who) => who.put(play.message(who), { content: play.text() }),
  (play, who) => who.put(play.message(who), { content: play.text() }),
  (play, who) => who.delete(play.message(who)),
  (play, who) => who.put(`${play.message(who)}/reactions/${emoji(play.random)}`),
  (play, who) => who.put(`${play.message(who)}/reactions/${emoji(play.random)}`),
  (play, who) => who.delete(`${play.message(who)}/reactions/${emoji(play.random)}`),
  (play, who) => who.put(play.chat(who), { title: play.text() }),
  (play, who) => {
    const [, chat, id] = /^(.*)\/messages\/(\d+)$/.exec(play.message(who)) ?? [];
    return who.put(`${chat}/read`, { id: String(id) });
  },
  (play, who) =>
    who.put(`${play.chat(who)}/notify`, {
      notify: play.random.pick(['all', 'mentions', 'nothing']),
    }),
  (play, who) => who.post(`${play.chat(who)}/typing`),
];

const emoji = (random: Random) => encodeURIComponent(random.pick(['👍', '🎉']));

async function run(t: Test, seed: number) {
  const random = randomFrom(seed);
  const world = await startWorld(t);
  const cast: Person[] = [];
  for (let i = 0; i < people; i++) cast.push(await world.register(`u${i}`));
  const [admin] = cast as [Person];
  const replicas = cast.map((person) => new Replica(t, world, person));
  const play = new Play(random, replicas);
  await addressOf(world);
  for (const person of cast.slice(0, 4)) await person.createChat('first');
  for (const replica of replicas) replica.start();

  for (let round = 0; round < rounds; round++) {
    // Requests of one turn share a commit.
    const acts = Array.from({ length: 1 + random.below(10) }, () => play.act());
    await Promise.all(acts);
    if (random.below(2) === 0) random.pick(replicas).reader?.cut(1 + random.below(600));
    if (random.below(25) === 0) await world.db.write(clearOldEvents, { maxCount: 30 });
    if (random.below(20) === 0) await toggle(admin, random.pick(replicas));
    if (random.below(8) === 0) await rename(random.pick(cast), `u${round} renamed`);
  }

  for (const replica of replicas) await enable(admin, replica);
  for (const { person } of replicas)
    await person.post('/api/login', { name: person.name, password });
  const ends: number[] = [];
  for (const replica of replicas) {
    replica.start();
    ends.push(Number((await replica.person.createChat('end')).split('/').at(-1)) + 1);
  }
  for (const [i, replica] of replicas.entries()) await replica.reach(ends[i] ?? 0);
  for (const replica of replicas) {
    t.strictSame(replica.wrong, [], `${replica.person.name}: all once, in order, and theirs`);
    t.strictSame(
      replica.state(),
      await stateOf(replica.person),
      `${replica.person.name}: the same`,
    );
  }
  const sum = (of: (replica: Replica) => number) => replicas.reduce((all, r) => all + of(r), 0);
  t.comment(
    `${ends.at(-1)} events, ${sum((r) => r.connections)} connections, ${sum((r) => r.resets)} resets, ${sum((r) => r.chats.size)} memberships`,
  );
  for (const replica of replicas) await replica.stop();
}

const off = new WeakSet<Replica>();

async function toggle(admin: Person, replica: Replica): Promise<void> {
  if (off.has(replica)) return enable(admin, replica);
  const { status } = await admin.put(`/api/users/${replica.person.id}`, { disabled: '1' });
  if (status === 200) off.add(replica);
}

async function enable(admin: Person, replica: Replica): Promise<void> {
  if (!off.delete(replica)) return;
  await admin.put(`/api/users/${replica.person.id}`, { disabled: '0' });
  replica.start();
}

/** A person signs in again by their current name. */
async function rename(person: Person, name: string): Promise<void> {
  const { status } = await person.put('/api/user', { name });
  if (status === 200) Object.assign(person, { name });
}

for (let i = 0; i < runs; i++) {
  t.test(`seed ${seed + i}`, (t) => run(t, seed + i));
}
