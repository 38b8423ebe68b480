import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@titan/servers'
import { defineCommand, runMain } from 'citty'
import { endChild, startChild } from './child.ts'
import { describeConditions, isBusy, observeConditions, readLoad } from './conditions.ts'
import type { ScenarioResult } from './measure.ts'
import type { Size } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { formatTable, ratioLines, replaceTable, type Run } from './table.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))
const PAGE = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url))
const names = scenarios.map(({ name }) => name)

const command = defineCommand({
  meta: {
    name: 'bench',
    description: `Compares Titan with its peers and its limits, on private servers. Scenarios: ${names.join(', ')}. A full run of all scenarios rewrites the table in docs/performance.md.`,
  },
  args: {
    quick: {
      type: 'boolean',
      description: 'Run fewer rounds with less work; write no table.',
      default: false,
    },
    previous: {
      type: 'string',
      description: 'Checkout of another version, which payments-cost measures in the same run.',
    },
  },
  async run({ args }) {
    const unknown = args._.filter((name) => !names.includes(name))
    if (unknown.length > 0)
      throw new Error(`unknown scenario ${unknown.join(', ')}; choose from ${names.join(', ')}`)
    const chosen = args._.length === 0 ? names : names.filter((name) => args._.includes(name))
    const size: Size = args.quick ? 'quick' : 'full'
    const previous = args.previous === undefined ? [] : [resolve(args.previous)]
    // First, because asking servers for their versions is load, too.
    const loadBefore = readLoad()
    const conditions = observeConditions({ size, loadBefore, versions: await readVersions() })
    console.log(describeConditions(conditions))
    if (isBusy(conditions)) console.warn('This machine is busy: expect low rates and widely spread ratios.')
    const file = join(folder, 'results', `${conditions.at.replaceAll(':', '-').slice(0, 19)}-${size}.json`)
    const results: ScenarioResult[] = []
    for (const name of chosen) {
      console.log(`\n${name}`)
      try {
        const { child, said } = await startChild('scenario-process.ts', [name, size, ...previous])
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
    if (results.length === scenarios.length && size === 'full')
      replaceTable(PAGE, formatTable({ conditions, results }))
  },
})

/** Stores the results after each scenario, so that an interrupted run loses nothing. */
function keep(file: string, run: Run): void {
  mkdirSync(join(folder, 'results'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(run, undefined, 1)}\n`)
}

async function readVersions(): Promise<Record<string, string>> {
  const redis = await startRedis()
  await redis.stop()
  const versions: Record<string, string> = { [redis.product]: redis.version, PostgreSQL: '18' }
  for (const name of ['bullmq', 'pg-boss']) versions[name] = versionOf(name)
  return versions
}

function versionOf(name: string): string {
  const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

await runMain(command)
