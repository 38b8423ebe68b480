import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { REPOSITORY } from '../src/folders.ts'
import { createTestDatabase, testPrefix } from '@titan/testkit'
import { createFolder } from './support/folder.ts'
import { runStart } from './support/start.ts'

/** Copies what the programs read. A link to the repository would not do: Node follows it. */
function copyRepository(target: string): void {
  mkdirSync(target)
  for (const name of ['packages', 'tools', 'sql', 'package.json'])
    cpSync(join(REPOSITORY, name), join(target, name), { recursive: true, verbatimSymlinks: true })
  symlinkSync(join(REPOSITORY, 'node_modules'), join(target, 'node_modules'))
}

test(
  // F271 a checkout in a folder whose path has `#`, `?`, `%41`, quotes, spaces or letters beyond ASCII:
  //  everything starts and is served
  'everything starts in a folder whose path a URL would read otherwise',
  { timeout: 120_000 },
  async () => {
    const repository = join(createFolder(), `C# ?q=%41 é 'x'`)
    copyRepository(repository)
    const database = await createTestDatabase(inject('databaseUrl'))
    onTestFinished(() => database.drop())
    const servers = { DATABASE_URL: database.url, REDIS_URL: inject('redisUrl'), QUEUE_PREFIX: testPrefix() }
    const script = join(repository, 'tools/servers/src/start.ts')
    const start = runStart(join(repository, '.titan'), [], { ...servers, GATEWAY_DELAY_MS: '10' }, { script })
    const [, url = ''] = await start.waitFor(/Serving on (http:\S+)/u)
    expect(start.output()).toContain('6 SUCCESS')
    for (const path of ['/docs', '/docs/page.js', '/openapi.json', '/dashboard']) {
      const response = await fetch(`${url}${path}`)
      expect([path, response.status]).toEqual([path, 200])
    }
    start.signal('SIGTERM')
    expect(await start.exited, start.output()).toBe(0)
  },
)
