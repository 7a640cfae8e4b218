import { line } from '../state/line.ts';
import { isOutdated, reload } from '../state/update.ts';
import { texts } from '../texts/index.ts';

/** Says so while the line is down, wherever one is, and moves nothing by it. */
export function LineState() {
  return (
    <p class="line" role="status" hidden={line.value === 'open'}>
      {line.value === 'broken'
        ? texts.lineBroken
        : line.value === 'connecting' && texts.lineConnecting}
    </p>
  );
}

/** Offers the server's newer version, once the line is there. */
export function UpdateOffer() {
  if (!isOutdated() || line.value !== 'open') return null;
  return (
    <p class="line" role="status">
      {texts.newVersion}{' '}
      <button type="button" class="link" onClick={reload}>
        {texts.reload}
      </button>
    </p>
  );
}
