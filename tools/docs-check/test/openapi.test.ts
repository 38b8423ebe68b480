import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createFolder } from '@titan/testkit/vitest'
import { expect, it } from 'vitest'
import { createDocument, operationsOf } from '../src/programs.ts'

const CLI = new URL('../node_modules/@redocly/cli/bin/cli.js', import.meta.url).pathname
/** It asks no server, neither for a newer version nor to tell what it did. */
const ENV = {
  PATH: process.env['PATH'] ?? '',
  REDOCLY_TELEMETRY: 'off',
  REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
}

// F282 the OpenAPI document, with everything set up and with nothing: no finding of redocly's strict recommended rules
it('satisfies redocly with all its recommended rules, warnings included', { timeout: 60_000 }, async () => {
  const cwd = createFolder()
  for (const isSet of [true, false]) {
    const operations = operationsOf({ sendsWebhooks: isSet, readsGateways: isSet })
    const api = { needsKey: isSet, isLimited: isSet, sendsWebhooks: isSet }
    writeFileSync(join(cwd, `${isSet}.json`), JSON.stringify(createDocument(operations, '1.0.0', api)))
  }
  const args = [
    CLI,
    'lint',
    'true.json',
    'false.json',
    '--extends',
    'recommended-strict',
    '--format',
    'stylish',
  ]
  const run = promisify(execFile)(process.execPath, args, { cwd, env: ENV })
  const findings = await run.then(
    () => '',
    (error: { readonly stdout?: string }) => error.stdout,
  )
  expect(findings).toBe('')
})
