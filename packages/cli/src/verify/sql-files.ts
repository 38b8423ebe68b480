import { readFile } from 'node:fs/promises'

/** The folder of the statements that `titan verify` runs. */
export const SQL_FOLDER: URL = new URL('../../../../sql/invariants/', import.meta.url)

/** Reads one file of {@link SQL_FOLDER}. */
export async function readInvariantFile(file: string): Promise<string> {
  return (await readFile(new URL(file, SQL_FOLDER), 'utf8')).replaceAll('\r\n', '\n')
}
