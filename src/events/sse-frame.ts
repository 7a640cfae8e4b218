/**
 * An event as text for the stream; see "Server-sent events" in the HTML living standard. JSON has
 * no line breaks, so text that people write cannot forge a field.
 *
 * @param data a string is JSON already.
 * @param id for events in the log; without it, `Last-Event-ID` stays as it is.
 */
export function sseFrame(type: string, data: object | string, id?: number): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  const json = typeof data === 'string' ? data : JSON.stringify(data);
  return `${idLine}event: ${type}\ndata: ${json}\n\n`;
}
