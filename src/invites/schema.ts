import * as Type from 'typebox';
import { errorMessage, Time, WireId } from '../http/schema.ts';

export const Code = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}$',
  examples: ['q1W2e3R4t5Y6u7I8o9P0a-S_'],
  ...errorMessage('The invite code is incomplete. Copy it again.'),
});

export const InviteParams = Type.Object({ code: Code });

export const InviteQuery = Type.Object({ code: Code });

export const NewInvite = Type.Object({
  max_uses: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,5}$',
      examples: ['1'],
      description:
        'How many people may join with it; by default no limit for owners, and 100 for members.',
      ...errorMessage('The number in max_uses must be a whole number from 1 to 999999.'),
    }),
  ),
  expires_in: Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,7}$',
      examples: ['86400'],
      description:
        'How long it is valid, in seconds: at most a year, or 30 days for members; by default a week.',
      ...errorMessage('The seconds in expires_in must be a whole number from 1 to 31536000.'),
    }),
  ),
});

export const InviteList = Type.Object({
  invites: Type.Array(
    Type.Object({
      code: Type.String(),
      created: Time,
      expires: Time,
      user_id: WireId,
      uses_left: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ),
});

export const InviteAnswer = Type.Object({
  invite: Type.Object({
    chat_id: WireId,
    expires: Time,
    members: Type.Integer({ minimum: 1 }),
    title: Type.String(),
  }),
});
