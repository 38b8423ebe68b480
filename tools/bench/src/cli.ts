import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@titan/servers'
import { defineCommand, runMain } from 'citty'
import { endChild, startChild } from './child.ts'
import { describeConditions, isBusy, observeConditions, readLoad } from './conditions.ts'
import type { ScenarioResult } from './measure.ts'
import type { Size } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { longTables, ratioLines, replaceTable, shortTable, type Run } from './table.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))
const names = scenarios.map(({ name }) => name)

const command = defineCommand({
  meta: {
    name: 'bench',
    description: `Measures on servers of its own, side by side. Scenarios: ${names.join(', ')}. A run of all of them rewrites the tables in README.md and docs/performance.md.`,
  },
  args: {
    quick: { type: 'boolean', description: 'fewer rounds and less work', default: false },
  },
  async run({ args }) {
    const unknown = args._.filter((name) => !names.includes(name))
    if (unknown.length > 0)
      throw new Error(`No scenario ${unknown.join(', ')}; there are ${names.join(', ')}`)
    const chosen = args._.length === 0 ? names : names.filter((name) => args._.includes(name))
    const size: Size = args.quick ? 'quick' : 'full'
    // First: to ask servers for their versions is load, too.
    const loadBefore = readLoad()
    const conditions = observeConditions({ size, loadBefore, versions: await readVersions() })
    console.log(describeConditions(conditions))
    if (isBusy(conditions))
      console.warn('This machine is not quiet: the ratios will spread, the rates will be low.')
    const file = join(folder, 'results', `${conditions.at.replaceAll(':', '-').slice(0, 19)}-${size}.json`)
    const results: ScenarioResult[] = []
    for (const name of chosen) {
      console.log(`\n${name}`)
      try {
        const { child, said } = await startChild('scenario-process.ts', [name, size])
        await endChild(child)
        const result = said as ScenarioResult
        results.push(result)
        for (const line of ratioLines(result)) console.log(line)
      } catch (error) {
        console.error(`${name} failed:`, error)
        process.exitCode = 1
      }
      keep(file, { conditions, results })
    }
    if (results.length === scenarios.length) writeTables({ conditions, results })
  },
})

/** After each scenario, so that nothing is lost when the run is interrupted. */
function keep(file: string, run: Run): void {
  mkdirSync(join(folder, 'results'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(run, undefined, 1)}\n`)
}

function writeTables(run: Run): void {
  replaceTable(join(folder, '..', 'README.md'), shortTable(run))
  replaceTable(join(folder, '..', 'docs', 'performance.md'), longTables(run))
}

async function readVersions(): Promise<Record<string, string>> {
  const redis = await startRedis()
  await redis.stop()
  const versions: Record<string, string> = { [redis.product]: redis.version, PostgreSQL: '18' }
  for (const name of ['bullmq', 'bee-queue', 'pg-boss', 'graphile-worker']) versions[name] = versionOf(name)
  return versions
}

function versionOf(name: string): string {
  const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

await runMain(command)
