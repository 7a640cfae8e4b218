import { isIntercepted } from '../lib/api.ts';
import { isStorageFull } from '../lib/storage.ts';
import { connection } from '../state/connection.ts';
import { isOutdated, reload } from '../state/update.ts';
import { texts } from '../texts/index.ts';

/** Says so while the line is down, wherever one is, and moves nothing by it. */
export function LineState() {
  return (
    <p class="line" role="status" hidden={connection.value === 'open'}>
      <LineText />
    </p>
  );
}

/** How the line stands, and what one can do where it will not come back by itself. */
export function LineText() {
  if (connection.value === 'connecting') return texts.lineConnecting;
  if (connection.value === 'open') return null;
  if (connection.value === 'held') return texts.lineHeld;
  if (!isIntercepted.value) return texts.lineBroken;
  return (
    <>
      {texts.intercepted}{' '}
      <button type="button" class="link" onClick={reload}>
        {texts.reload}
      </button>
    </>
  );
}

/** Says that what is written here would not outlive the page. */
export function StorageNotice() {
  if (!isStorageFull.value || connection.value !== 'open') return null;
  return (
    <p class="line" role="status">
      {texts.storageFull}
    </p>
  );
}

/** Offers the server's newer version, once the line is there. */
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
