/*
 * Every word is indexed together with the block of its message: consecutive messages of one chat. A
 * search looks up words only in the blocks of the searcher's own chats, so messages in other chats
 * change neither its results nor its time. A long chat has several blocks, because FTS5 finds the
 * newest matches of an expression only by going through all matches, and those of a prefix by
 * collecting all of them first. A block's id is the id of its first message.
 */

/**
 * The number of messages in a block. The last block of a chat that an upgrade divided may have up
 * to twice as many.
 */
export const blockSize = 16_384;

/** Whether a message starts a block. @param posted the chat's message count, including it. */
export function opensBlock(posted: number): boolean {
  return posted % blockSize === 1;
}

/** Neither character occurs in a word; FTS5's "ascii" tokenizer treats both as letters. */
const beforeWord = '·';
const beforeSender = '†';

/** Words as the index has them for messages of a block, separated by spaces. */
export function wordsInBlock(block: number, words: readonly string[]): string {
  const prefix = block.toString(36) + beforeWord;
  return words.map((word) => prefix + word).join(' ');
}

/** The word that stands for the sender of a message in a block. */
export function senderInBlock(block: number, senderId: number): string {
  return block.toString(36) + beforeSender + senderId.toString(36);
}
