import { inviteTo } from '../accounts/operator.ts';
import { OperatorError } from '../errors.ts';
import { defaultLifetime, longestLifetime, newCode } from '../invites/invites.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';

const units = { m: 60_000, h: 3_600_000, d: 24 * 3_600_000 };

export const invite: Subcommand = {
  usage: 'invite CHAT_ID [--uses NUMBER] [--expires TIME]',
  summary: 'Create an invite to a chat; it also allows people to register.',
  details:
    'The id of a chat is in its address: #/chats/7. TIME is like 30m, 12h or 7d, which is the default; without --uses, there is no limit. It belongs to the longest-standing owner of the chat, who can revoke it. Set PUBLIC_URL to print the whole link.',
  async run(args) {
    const options = { uses: { type: 'string' }, expires: { type: 'string' } } as const;
    const { values, positionals } = readArguments(invite.usage, args, options, 1);
    const input = {
      code: newCode(),
      chatId: readNumber(positionals[0] ?? '', 15, 'The id of a chat'),
      lifetime: values.expires === undefined ? defaultLifetime : readTime(values.expires),
      maxUses: values.uses === undefined ? null : readNumber(values.uses, 6, 'The number of uses'),
    };
    await withDatabase(async (db, { publicUrl }) => {
      await db.write(inviteTo, input);
      console.log(`${publicUrl?.origin ?? ''}/#/invite/${input.code}`);
    });
  },
};

function readNumber(text: string, digits: number, what: string): number {
  if (/^[1-9]\d*$/.test(text) && text.length <= digits) return Number(text);
  throw new OperatorError(
    `${what} must be a whole number of at least 1, with at most ${digits} digits.`,
  );
}

function readTime(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,6})([mhd])$/.exec(text) ?? [];
  const time = Number(number) * (units[unit as keyof typeof units] ?? 0);
  if (time > 0 && time <= longestLifetime) return time;
  throw new OperatorError('The time of an invite must be like 30m, 12h or 7d, up to 365d.');
}
