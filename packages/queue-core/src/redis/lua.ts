import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../lua/', import.meta.url)
/** A line of nothing but a comment: the server needs none. */
const COMMENT = /^ *--.*\n/gm

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8').replaceAll('\r\n', '\n').replaceAll(COMMENT, '')
}

/** The Lua files without their comments, by name. The build writes them into the package as strings: see `tsdown.config.ts`. */
export const lua: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(folder).map((file) => [file.replace(/\.lua$/, ''), read(file)]),
)
