import { readFileSync } from 'node:fs'

/** The version in a package.json. */
export function readVersion(manifest: URL): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }
  return version
}
