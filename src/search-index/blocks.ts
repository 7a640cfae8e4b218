/*
 * Every word is indexed together with the block of its message: a run of messages of one chat. A
 * search looks up words of the searcher's own blocks only, so that what others write changes neither
 * what it finds nor how long it takes. A long chat has several blocks, because FTS5 takes the
 * newest matches of an expression only by going through all of them, and those of a prefix by
 * collecting them first. A block is named by the id of its first message.
 */

/**
 * How many messages a new block takes. The last block of a chat that was cut by an upgrade may have up
 * to twice this number.
 */
export const blockSize = 16_384;

/** Whether the message that a chat's counter of messages has come to opens a block. */
export function opensBlock(posted: number): boolean {
  return posted % blockSize === 1;
}

/** Neither is part of any word; FTS5's "ascii" tokenizer takes both for letters. */
const beforeWord = '·';
const beforeSender = '†';

/** Words as they are indexed for the messages of a block, with spaces between them. */
export function wordsInBlock(block: number, words: readonly string[]): string {
  const prefix = block.toString(36) + beforeWord;
  return words.map((word) => prefix + word).join(' ');
}

/** The one word that stands for the sender of a block's message. */
export function senderInBlock(block: number, senderId: number): string {
  return block.toString(36) + beforeSender + senderId.toString(36);
}
