/** Passwords, and other things that are typed: never as an argument, which others see in `ps`. */
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { OperatorError } from '../errors.ts';
import { checkPassword, hashPassword } from '../users/passwords.ts';
import { Password } from '../users/schema.ts';
import { checkField } from './fields.ts';

/** What a password must differ from. */
interface Owner {
  readonly name: string;
  readonly email: string;
}

/**
 * Chooses a password: one is made here, or typed twice at a terminal, or else read from standard
 * input. What comes from people is held to what the API asks of them.
 *
 * @returns its hash, and the password itself if it was made here.
 */
export async function choosePassword(
  owner: Owner,
  { isGenerated }: { isGenerated: boolean },
): Promise<{ passwordHash: string; generated?: string }> {
  if (isGenerated) {
    const generated = randomBytes(18).toString('base64url');
    return { passwordHash: await hashPassword(generated), generated };
  }
  const password = process.stdin.isTTY ? await askTwice() : await readAll();
  checkField(Password, password);
  await checkPassword(password, owner);
  return { passwordHash: await hashPassword(password) };
}

async function askTwice(): Promise<string> {
  const password = await ask('New password: ', { isHidden: true });
  if ((await ask('Once more: ', { isHidden: true })) !== password) {
    throw new OperatorError('The two passwords differ. Try again.');
  }
  return password;
}

/** All of standard input but the end of its last line. */
async function readAll(): Promise<string> {
  const line = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (line === '') {
    throw new OperatorError(
      'Give the password on standard input, or say --generate to have one made.',
    );
  }
  return line;
}

/** Asks at the terminal; what is typed is not shown if it `isHidden`. */
export async function ask(question: string, { isHidden = false } = {}): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = isHidden ? nowhere : process.stderr;
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  // The terminal shows nothing by itself any more.
  process.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      const stop = () => reject(new OperatorError('Nothing was changed.'));
      terminal.once('line', resolve).once('SIGINT', stop).once('close', stop);
    });
  } finally {
    terminal.close();
    if (isHidden) process.stderr.write('\n');
  }
}
