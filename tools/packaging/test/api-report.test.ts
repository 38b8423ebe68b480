import { Extractor, ExtractorConfig, ExtractorLogLevel, type IConfigFile } from '@microsoft/api-extractor'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'

const execute = promisify(execFile)
const LIBRARIES = { 'queue-core': ['index', 'async', 'testing', 'text-of'], client: ['index'] } as const
type Library = keyof typeof LIBRARIES

const silent = { default: { logLevel: 'none' } } as const

/** Builds a library into a separate folder, because another test packs it at the same time. */
async function build(library: Library) {
  const project = resolve(import.meta.dirname, '../../../packages', library)
  const folder = mkdtempSync(join(project, '.api-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const tsdown = join(project, 'node_modules/tsdown/dist/run.mjs')
  await execute(process.execPath, [tsdown, '--out-dir', join(folder, 'dist')], { cwd: project })
  return { project, folder }
}

function reportOf({ project, folder }: Awaited<ReturnType<typeof build>>, entry: string) {
  mkdirSync(join(folder, 'reports'), { recursive: true })
  const types = join(folder, 'dist', `${entry}.d.mts`)
  const configObject = {
    projectFolder: project,
    mainEntryPointFilePath: types,
    compiler: {
      overrideTsconfig: {
        compilerOptions: {
          target: 'es2024',
          module: 'nodenext',
          strict: true,
          skipLibCheck: true,
          types: ['node'],
        },
        files: [types],
      },
    },
    apiReport: {
      enabled: true,
      reportFolder: join(folder, 'reports'),
      reportTempFolder: folder,
      reportFileName: entry,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: { extractorMessageReporting: silent, tsdocMessageReporting: silent },
  } as IConfigFile
  const config = ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: join(project, 'package.json'),
  })
  const { errorCount } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error
    },
  })
  expect(errorCount).toBe(0)
  return readFileSync(join(folder, 'reports', `${entry}.api.md`), 'utf8')
    .split('```')[1]
    ?.replace(/^ts\n+/u, '')
}

describe.each(Object.keys(LIBRARIES) as Library[])('the public types of %s', async (library) => {
  const built = await build(library)
  test.each(LIBRARIES[library])('in %s are those on record', async (entry) => {
    const message =
      'Public types changed. If a program that compiles today could fail, this is a major version: add a changeset. ' +
      'Record the types with `vitest run tools/packaging/test/api-report.test.ts -u`.'
    await expect(reportOf(built, entry), message).toMatchFileSnapshot(`../api/${library}.${entry}.txt`)
  })
})
