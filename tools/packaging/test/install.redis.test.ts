import { rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { CONSUMERS, EXPECTED } from '../src/consumers.ts'
import { installPacked, prepareConsumer, runScript, type Installation } from '../src/installation.ts'

/** Every consumer on every Node, instead of each on one: `pnpm run test:install`. */
const isComplete = process.env['TITAN_INSTALL'] === 'all'
const NODES = [20, 22, 24, 26]
const LONG_MS = 300_000

let installation: Installation
beforeAll(async () => {
  installation = await installPacked('@titan/queue-core')
}, LONG_MS)
afterAll(() => rm(installation.folder, { recursive: true, force: true }))

test.for([
  ['publint', ['publint/src/cli.js', 'run', '--strict']],
  ['Are the types wrong?', ['@arethetypeswrong/cli/dist/index.js', '--profile=strict']],
] as const)('%s has no objection', { timeout: LONG_MS }, async ([, [script, ...args]]) => {
  const { folder, tarball } = installation
  await runScript(process.execPath, `${folder}/installed/src`, [script, ...args, tarball])
})

test.each(['cjs', 'mjs'])('a stack trace of the %s build leads to the sources', async (end) => {
  const folder = `${installation.folder}/installed`
  const load =
    end === 'cjs'
      ? "const { createQueue } = require('@titan/queue-core')"
      : "import { createQueue } from '@titan/queue-core'"
  await writeFile(
    `${folder}/trace.${end}`,
    `${load}\ntry { createQueue(5, 'a') } catch (error) { console.log(error.stack) }`,
  )
  const run = (options: string): Promise<string> =>
    runScript(process.execPath, folder, [`trace.${end}`], { NODE_OPTIONS: options })
  expect(await run('')).toMatch(new RegExp(String.raw`at createQueue .*queue-core/dist/\w+\.${end}:\d+`))
  expect(await run('--enable-source-maps')).toMatch(
    /at createQueue .*queue-core\/src\/producer\/queue\.ts:\d+/,
  )
})

describe.each(CONSUMERS.map((consumer, index) => ({ consumer, index })))(
  '$consumer.name',
  ({ consumer, index }) => {
    const suitable = NODES.filter((node) => node >= (consumer.oldestNode ?? 20))
    const chosen = isComplete ? suitable : suitable.slice(index % suitable.length).slice(0, 1)
    let folder: string
    beforeAll(async () => {
      folder = await prepareConsumer(installation, consumer)
    }, LONG_MS)

    test.for(chosen)('runs jobs on Node %i', { timeout: LONG_MS }, async (major, { skip }) => {
      const node = installation.nodes.get(major)
      if (node === undefined)
        return skip(`no Node ${major} for ${process.platform} ${process.arch} is on npm`)
      const output = await runScript(node, folder, consumer.run, { REDIS_URL: inject('redisUrl') })
      // A test runner speaks for itself by its exit code.
      if (!consumer.run[0]?.includes('jest') && !consumer.run[0]?.includes('vitest'))
        expect(output).toBe(EXPECTED)
    })
  },
)
