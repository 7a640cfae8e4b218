/** Parts of the client that are loaded when somebody first asks for them. */

/** A part could not be loaded: the server is away, or has another version of the client by now. */
export class PartError extends Error {}

/** @throws PartError */
export async function loadPart<Part>(part: Promise<Part>): Promise<Part> {
  try {
    return await part;
  } catch {
    throw new PartError();
  }
}
