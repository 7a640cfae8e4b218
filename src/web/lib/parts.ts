/** Parts of the client that are loaded on first use. */

/** A part could not be loaded: the server is away, or has a newer version of the client. */
export class PartError extends Error {}

/** @throws PartError */
export async function loadPart<Part>(part: Promise<Part>): Promise<Part> {
  try {
    return await part;
  } catch {
    throw new PartError();
  }
}
