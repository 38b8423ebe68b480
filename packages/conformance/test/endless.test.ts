import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ACME, behavioursOf, checkAtAcme } from './support/acme.ts'

test('a close that never ends holds up nothing but its own row', async () => {
  const [before, after] = readFileSync(ACME, 'utf8').split("  /** @type {Gateway['charge']} */", 2)
  const folder = mkdtempSync(join(tmpdir(), 'titan-endless-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'endless-close.js')
  writeFileSync(file, `${before}  close() {\n    return new Promise(() => {})\n  }\n\n${after}`)
  const options = { only: 'process: ', timeoutMs: 300, graceMs: 500 }
  const report = await checkAtAcme(pathToFileURL(file).href, options)
  expect(behavioursOf(report, 'failed')).toContain('process: close, twice')
})
