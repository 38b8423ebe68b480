import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { ACME, acmeSource, behavioursOf, checkAtAcme } from './support/acme.ts'

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

test('an error that nothing waits for is a failed behaviour, and ends nothing', async () => {
  // The test runner's own.
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  onTestFinished(() => {
    for (const listener of listeners) process.on('unhandledRejection', listener)
  })
  const folder = mkdtempSync(join(tmpdir(), 'titan-stray-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'stray.js')
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const charge = '  charge(request'
  expect(acmeSource).toContain(charge)
  writeFileSync(
    file,
    acmeSource.replace(charge, "  stray = Promise.reject(new Error('the token cache is away'))\n\n$&"),
  )
  const report = await checkAtAcme(pathToFileURL(file).href, { only: 'charge: all is well' })
  expect(report.isConforming).toBe(false)
  expect(report.behaviours.at(-1)).toMatchObject({
    behaviour: 'process: errors outside of calls',
    verdict: 'failed',
    seen: 'the token cache is away',
  })
  expect(process.listenerCount('unhandledRejection')).toBe(0)
})
