import { useSignal } from '@preact/signals';
import { idIn, post } from '../lib/api.ts';
import { go, paths } from '../lib/route.ts';
import { loadChats } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { Dialog } from './dialog.tsx';
import { Field, Form } from './form.tsx';

/** Creates a group by its title, or opens a direct chat by the other user's name. */
export function NewChat({ onClose }: { onClose: () => void }) {
  const isDirect = useSignal(false);
  const create = async (fields: Record<string, string>) => {
    const location = await post('/api/chats', fields);
    await loadChats();
    onClose();
    go(paths.chat(idIn(location)));
  };
  return (
    <Dialog title={texts.newChat} onClose={onClose}>
      <fieldset class="choice" aria-label={texts.newChat}>
        <button
          type="button"
          aria-pressed={!isDirect.value}
          onClick={() => (isDirect.value = false)}
        >
          {texts.groupChat}
        </button>
        <button type="button" aria-pressed={isDirect.value} onClick={() => (isDirect.value = true)}>
          {texts.directChat}
        </button>
      </fieldset>
      <Form action={texts.create} onSubmit={create}>
        {isDirect.value ? (
          <Field key="with" name="with" label={texts.withWhom} autocomplete="off" required />
        ) : (
          <>
            <Field key="title" name="title" label={texts.title} required />
            <label class="check">
              <input type="checkbox" name="open" value="1" />
              {texts.openToAll}
            </label>
          </>
        )}
      </Form>
    </Dialog>
  );
}
