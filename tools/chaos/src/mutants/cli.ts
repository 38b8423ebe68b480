import { providePostgres, provideRedis } from '@titan/servers'
import { copyCheckout } from './checkout.ts'
import { MUTANTS, type Mutant } from './mutants.ts'

// Removes each guard of failover in a copy of the sources, and runs the tests that have to notice. Arguments: parts of names.
// Exits with code 1 when a guard is missed by no test.
const words = process.argv.slice(2).filter((word) => word !== '--')
const isChosen = ({ guard, tests }: Mutant): boolean =>
  words.length === 0 || words.some((word) => [guard, ...tests].some((text) => text.includes(word)))
const chosen = MUTANTS.filter(isChosen)
const servers = await Promise.all([providePostgres(), provideRedis()])
const [postgres, redis] = servers
const env = { DATABASE_URL: postgres.url, REDIS_URL: redis.url }
const checkout = await copyCheckout()

/** Returns what failed; undefined when nothing did, or when nothing runs any more, which proves nothing. */
async function noticedBy(edits: Mutant['edits'], test: string): Promise<string | undefined> {
  const { passed, failed, messages } = await checkout.with(edits, () => checkout.test([test], env))
  // The oracle is one test: it counts when it found charges.
  const isAlive = passed > 0 || messages.some((text) => text.includes('payments charged wrongly'))
  return failed.length === 0 || !isAlive ? undefined : `${failed.length}: ${failed[0]}`
}

try {
  for (const test of new Set(chosen.flatMap(({ tests }) => tests))) {
    const { passed, failed } = await checkout.test([test], env)
    if (passed === 0 || failed.length > 0)
      throw new Error(`${test} fails without a planted bug: ${failed.join(', ')}`)
  }
  for (const { guard, edits, tests } of chosen)
    for (const test of tests) {
      const noticed = await noticedBy(edits, test)
      if (noticed === undefined) process.exitCode = 1
      console.log(
        `${noticed === undefined ? 'MISSED ' : 'noticed'}  ${guard}${noticed === undefined ? '' : `  (${noticed})`}`,
      )
    }
} finally {
  await checkout.close()
  for (const server of servers.toReversed()) await server.stop()
}
