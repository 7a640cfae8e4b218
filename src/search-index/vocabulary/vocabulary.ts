/**
 * The vocabulary of a block: the beginnings of its words. A search asks it first, and looks up in the
 * index only those blocks that may have all that is searched for. FTS5 takes 15 to 60 µs for each
 * block, because it looks into each of its segments; the vocabulary takes 2 to 4.
 *
 * A post does not wait for it: vocabularies are extended some seconds later, in portions. Until then a
 * block counts as one that may have any word.
 */

import type { Snapshot } from '../../db/query/query.ts';
import { inSteps } from '../../db/steps.ts';
import type { Unit } from '../../db/unit-of-work.ts';
import { beyondIds } from '../../http/schema.ts';
import type { Term } from '../fts-query.ts';
import { isOutdated } from '../state.ts';
import { foldedWords } from '../words.ts';
import {
  deleteSomeWordsOf,
  findBlockBehind,
  insertVocabulary,
  listTextsBetween,
  setKnownTo,
  slots,
  type Wanted,
} from './queries.ts';

/**
 * How much of a word a vocabulary has, in UTF-16 code units. More of it would hardly rule out more
 * blocks; a million messages take 23 MB with this.
 */
const entryLength = 8;

/** How many messages a step reads, and how many entries it deletes. */
const messageStep = 50;
const entryStep = 500;

/** Comes after all that can follow in a word. */
const afterAll = '\u{10ffff}';

/** The entries of a text, in order. */
export function entriesOf(text: string): string[] {
  return [...new Set(foldedWords(text).map(entryOf))].sort();
}

function entryOf(word: string): string {
  return word.slice(0, entryLength).toWellFormed();
}

/** What the words of an entry are, as a term. Half of a character at its end stands for any. */
export function startOf(entry: string): Term {
  const isPrefix = entry.length === entryLength;
  return { words: [entry.replace('\ufffd', '')], isPrefix };
}

/** What a block must have to have all the terms: one entry in each of some ranges. */
export function wantedOf(terms: readonly Term[]): Wanted {
  const ranges = terms.flatMap(({ words, isPrefix }) =>
    words.map((word, index) => rangeOf(word, isPrefix && index === words.length - 1)),
  );
  // The longest words are the rarest ones. A range that stands there twice costs next to nothing.
  ranges.sort((one, other) => other.low.length - one.low.length);
  const wanted = slots.flatMap((slot, index) => {
    const { low, high } = ranges[index % ranges.length] ?? all;
    return [
      [`low${slot}`, low],
      [`high${slot}`, high],
    ];
  });
  return Object.fromEntries(wanted) as Wanted;
}

interface Range {
  readonly low: string;
  readonly high: string;
}

const all: Range = { low: '', high: afterAll };

function rangeOf(word: string, mayGoOn: boolean): Range {
  const low = entryOf(word);
  return { low, high: mayGoOn && low.length < entryLength ? low + afterAll : low };
}

/** Adds entries to the vocabulary of a block. */
export async function learnWords(
  snapshot: Snapshot,
  block: number,
  words: Iterable<string>,
): Promise<void> {
  for (const word of words) await insertVocabulary(snapshot, { block, word });
}

/**
 * Extends the vocabularies of some chats by what they do not have yet, as far as there is time.
 *
 * @returns the chats that are left.
 */
export async function extendVocabularies(
  unit: Unit,
  { chatIds }: { readonly chatIds: readonly number[] },
): Promise<number[]> {
  const left = [...chatIds];
  if (await isOutdated(unit)) return left;
  for (const chatId of chatIds) {
    const isDone = await inSteps(unit, messageStep, (limit) => extend(unit, { chatId, limit }));
    if (isDone) left.shift();
    if (!unit.hasTime()) break;
  }
  return left;
}

/** Does one step for a chat; returns 0 if nothing is left, and otherwise `limit`. */
async function extend(
  unit: Unit,
  { chatId, limit }: { readonly chatId: number; readonly limit: number },
): Promise<number> {
  const block = await findBlockBehind(unit, { chatId });
  if (block === undefined) return 0;
  const { firstId, knownTo, nextId } = block;
  // Before a rebuild it knew other words.
  if (knownTo === 0 && (await clearSome(unit, firstId))) return limit;
  const texts = await listTextsBetween(unit, {
    chatId,
    first: Math.max(firstId, knownTo + 1),
    before: nextId ?? beyondIds,
    limit,
  });
  await learnWords(unit, firstId, entriesOf(texts.map(({ content }) => content).join('\n')));
  const last = texts.length === limit ? texts.at(-1)?.id : undefined;
  await setKnownTo(unit, { chatId, firstId, knownTo: last ?? endOf(block) });
  return limit;
}

/** Up to where a block is known when all of its messages are. */
const endOf = ({ firstId, nextId, lastId }: Ends) =>
  nextId === null ? (lastId ?? firstId) : beyondIds;

interface Ends {
  readonly firstId: number;
  readonly nextId: number | null;
  readonly lastId: number | null;
}

/** Returns whether more may be left. */
async function clearSome(unit: Unit, block: number): Promise<boolean> {
  const deleted = await deleteSomeWordsOf(unit, { block, limit: entryStep });
  return deleted.length === entryStep;
}
