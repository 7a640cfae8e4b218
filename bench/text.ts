/** Messages as people write them: mostly short, seldom long, in several languages. */
import type { Random } from './random.ts';
import { emoji, languages } from './words.ts';

/** The median length of a message in characters, before it is rounded up to a whole word. */
const medianLength = 56;

/** The spread of lengths: one message in 100 has 600 characters, one in 100,000 has 4,000. */
const spread = 1;

const maxLength = 4000;

/** The first words of a language are its function words; rare words are made of the others. */
const particles = 30;

const vocabularies = Object.values(languages).map(buildVocabulary);

/** Uneven, like the languages of real chats. */
export function pickLanguage(random: Random): number {
  return random.zipf(vocabularies.length);
}

export function writeMessage(random: Random, language: number): string {
  const words = vocabularies[language] ?? [];
  const length = Math.min(maxLength, medianLength * Math.exp(spread * random.normal()));
  let text = capital(pickWord(random, words));
  while (text.length < length) text += separator(random) + pickWord(random, words);
  return (text + ending(random)).slice(0, maxLength).toWellFormed();
}

export function writeTitle(random: Random, language: number): string {
  const words = vocabularies[language] ?? [];
  return capital(`${pickWord(random, words)} ${pickWord(random, words)}`);
}

/** Rare words are joined from common ones, so that there are thousands, as in real chats. */
function buildVocabulary(common: readonly string[]): string[] {
  const parts = common.slice(particles);
  const rare = parts.map((_, step) =>
    parts.map((part, i) => `${part}${parts[(i + step) % parts.length]?.toLowerCase()}`),
  );
  return [...common, ...rare.flat()];
}

function pickWord(random: Random, words: readonly string[]): string {
  return words[random.zipf(words.length)] ?? '';
}

function separator(random: Random): string {
  const chance = random.next();
  if (chance < 0.88) return ' ';
  if (chance < 0.94) return ', ';
  if (chance < 0.985) return '. ';
  return '\n';
}

function ending(random: Random): string {
  const chance = random.next();
  if (chance < 0.4) return '';
  if (chance < 0.6) return '.';
  if (chance < 0.75) return '?';
  if (chance < 0.85) return '!';
  return ` ${random.pick(emoji)}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
