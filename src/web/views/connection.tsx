import { isIntercepted } from '../lib/api.ts';
import { isStorageFull } from '../lib/storage.ts';
import { connection } from '../state/connection.ts';
import { isOutdated, reload } from '../state/update.ts';
import { texts } from '../texts/index.ts';

/** Shows the state of the connection in all panes while it is down, without moving the layout. */
export function ConnectionState() {
  return (
    <p class="line" role="status" hidden={connection.value === 'open'}>
      <ConnectionText />
    </p>
  );
}

/** The state of the connection, and what to do if it will not recover automatically. */
export function ConnectionText() {
  if (connection.value === 'connecting') return texts.connecting;
  if (connection.value === 'open') return null;
  if (connection.value === 'held') return texts.delayed;
  if (!isIntercepted.value) return texts.disconnected;
  return (
    <>
      {texts.intercepted}{' '}
      <button type="button" class="link" onClick={reload}>
        {texts.reload}
      </button>
    </>
  );
}

/** Warns that unsent messages would be lost when the page closes. */
export function StorageNotice() {
  if (!isStorageFull.value || connection.value !== 'open') return null;
  return (
    <p class="line" role="status">
      {texts.storageFull}
    </p>
  );
}

/** Offers to reload for a newer version, while connected. */
export function UpdateOffer() {
  if (!isOutdated() || connection.value !== 'open') return null;
  return (
    <p class="line" role="status">
      {texts.newVersion}{' '}
      <button type="button" class="link" onClick={reload}>
        {texts.reload}
      </button>
    </p>
  );
}
