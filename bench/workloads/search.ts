import type { Random } from '../random.ts';
import type { BenchRequest, Workload } from '../requests.ts';
import type { Place, World } from '../world.ts';

/** Searches that find something. */
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
  const message = random.pick(world.sample.rare);
  return { ...message, query: { q: message.words.at(-1) ?? '' } };
});

export const common = search('search-common', 'search for a very common word', (random, world) => ({
  ...random.pick(world.places),
  query: { q: random.pick(world.sample.frequent) },
}));

export const two = search('search-two', 'search for two words', (random, world) => {
  const { words, ...place } = random.pick(world.sample.messages);
  return { ...place, query: { q: `${random.pick(words)} ${random.pick(words)}` } };
});

export const inChat = search('search-chat', 'search in one chat', (random, world) => {
  const message = random.pick(world.sample.messages);
  return { ...message, query: { q: random.pick(message.words), chat_id: String(message.chatId) } };
});
