import type { Random } from '../random.ts';
import type { BenchRequest, Workload } from '../requests.ts';
import type { Place, World } from '../world.ts';

/** Somebody looks for what was said, one after another, and there is something to be found. */
function search(
  name: string,
  title: string,
  draw: (random: Random, world: World) => Place & { query: Record<string, string> },
): Workload {
  return {
    name,
    title,
    request: (random, world): BenchRequest => {
      const { userId, query } = draw(random, world);
      const path = `/api/search?${new URLSearchParams(query)}`;
      return { method: 'GET', route: '/api/search', path, userId };
    },
  };
}

export const rare = search('search-rare', 'search for a rare word', (random, world) => {
  const said = random.pick(world.heard.rare);
  return { ...said, query: { q: said.words.at(-1) ?? '' } };
});

export const common = search('search-common', 'search for a very common word', (random, world) => ({
  ...random.pick(world.places),
  query: { q: random.pick(world.heard.frequent) },
}));

export const two = search('search-two', 'search for two words', (random, world) => {
  const said = random.pick(world.heard.messages);
  return { ...said, query: { q: `${random.pick(said.words)} ${random.pick(said.words)}` } };
});

export const inChat = search('search-chat', 'search in one chat', (random, world) => {
  const said = random.pick(world.heard.messages);
  return { ...said, query: { q: random.pick(said.words), chat_id: String(said.chatId) } };
});
