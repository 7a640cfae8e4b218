/** Modules of the client that are loaded on first use. */

/** A module could not be loaded: the server is away, or has a newer version of the client. */
export class ModuleError extends Error {}

/** @throws ModuleError */
export async function loadModule<Module>(module: Promise<Module>): Promise<Module> {
  try {
    return await module;
  } catch {
    throw new ModuleError();
  }
}
