import * as Type from 'typebox';
import { Id, told } from '../http/schema.ts';

export const ReactionParams = Type.Object({
  chat_id: Id('chat id'),
  id: Id('message id'),
  emoji: Type.String({
    maxLength: 40,
    examples: ['👍'],
    ...told('A reaction must be a single emoji.'),
  }),
});
