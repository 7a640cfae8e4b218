import { line } from '../state/line.ts';
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
