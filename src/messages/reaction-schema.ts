import * as Type from 'typebox';
import { errorMessage, Id, WireId } from '../http/schema.ts';

export const ReactionParams = Type.Object({
  chat_id: Id('chat id'),
  id: Id('message id'),
  emoji: Type.String({
    maxLength: 40,
    examples: ['👍'],
    ...errorMessage('A reaction must be a single emoji.'),
  }),
});

export const ReactorQuery = Type.Object({ after: Type.Optional(Id('user id in after')) });

export const ReactorList = Type.Object({
  users: Type.Array(
    Type.Object({
      id: WireId,
      name: Type.Optional(Type.String({ description: 'Absent if the account was deleted.' })),
    }),
  ),
});
