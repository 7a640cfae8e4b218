import { Type } from 'typebox';
import { Id, Time, told, WireId } from '../http/schema.ts';

export const Title = Type.String({
  maxLength: 100,
  // Something to see in it, and no control characters or halves of a surrogate pair.
  pattern: '^(?=.*[^\\p{C}\\p{Z}\\p{DI}\\u2800])[^\\p{Cc}\\p{Cs}]+$',
  examples: ['Sunday hike'],
  ...told('The title must have 1 to 100 characters, in one line, and not be blank.'),
});

export const ChatParams = Type.Object({ chat_id: Id('chat id') });

export const ChatQuery = Type.Object({ chat_id: Id('chat id') });

export const NewChat = Type.Object({ title: Title });

export const ChatList = Type.Object({
  chats: Type.Array(
    Type.Object({
      id: WireId,
      last_message: Type.Union([Type.String(), Type.Null()]),
      last_message_time: Type.Union([Time, Type.Null()]),
      sender_id: Type.Union([WireId, Type.Null()]),
      title: Type.String(),
    }),
  ),
});
