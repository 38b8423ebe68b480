import { readdir } from 'node:fs/promises'
import type { Breach } from './finding.ts'
import {
  findJobsLeft,
  findJobsWithoutPayment,
  findOverdueWithoutJob,
  findStrangeEntries,
  type CheckContext,
} from './redis.ts'
import { findSchemaBreaches } from './schema.ts'
import { readInvariantFile, SQL_FOLDER } from './sql-files.ts'

/** A statement of `sql/invariants/` that finds breaches of one invariant. */
export interface Check {
  /** The name of its invariant, such as `I01_charged_at_most_once`. */
  readonly name: string
  /** What it reads: one range of payment ids at a time, whole tables, the gateway's ledger, or only its list. */
  readonly scope: 'range' | 'whole' | 'ledger' | 'list'
  /** The values of `$1`, `$2` and so on, unless others are given. */
  readonly defaults: ReadonlyMap<string, string>
  readonly text: string
  /** Of a check of the ledger: why the list of a gateway does not show what it needs. @default it does */
  readonly unlisted?: string | undefined
}

/** What a verdict cannot do without. */
export type Need = 'ledger' | 'redis' | 'settled'

/** One rule about payments. */
export interface Invariant {
  /** Number and name, such as `I01_charged_at_most_once`. */
  readonly name: string
  readonly title: string
  /** What to do about a breach. */
  readonly advice: string
  /** Without it, breaches that show anyway count, but their absence proves nothing. @default none */
  readonly needs?: Need | undefined
  readonly checks: readonly Check[]
  /** Looks where no statement can: at Redis, or at the schema. Reads only; the result is bounded. @default none */
  readonly look?: ((context: CheckContext) => Promise<Breach[]>) | undefined
  /** Why the data never shows a breach, and where breaking the rule shows. @default it shows */
  readonly unseen?: string
}

/** Looks in addition to the statements of an invariant. */
const LOOKS: Readonly<Record<string, Invariant['look']>> = {
  I05_payments_come_to_an_end: findJobsLeft,
  I06_nothing_is_lost: findJobsWithoutPayment,
  I18_transitions_are_legal: ({ sql }) => findSchemaBreaches(sql),
}

const REDIS_INVARIANTS: readonly Invariant[] = [
  {
    name: 'I20_due_has_job',
    title: 'A job is done only when PostgreSQL no longer needs it: every payment long overdue has its job.',
    advice: 'Run `titan recover`, and check that a titan-worker runs with its reconciler.',
    needs: 'redis',
    checks: [],
    look: findOverdueWithoutJob,
  },
  {
    name: 'I23_entries_carry_ids',
    title: 'Entries of the queue carry the id of a payment and nothing else.',
    advice: 'Find out who writes to the stream; workers read amounts from PostgreSQL only.',
    needs: 'redis',
    checks: [],
    look: findStrangeEntries,
  },
]

const UNSEEN_INVARIANTS: readonly (readonly [name: string, title: string, unseen: string])[] = [
  [
    'I14_no_open_transaction',
    'No transaction is open while a gateway is called.',
    'leaves no trace: only the connections during a call show it',
  ],
  [
    'I15_writes_compare_and_set',
    'Every write of a status compares id, status and fence first.',
    'a property of the statements: what breaking it leads to shows in I7, I16 and I17',
  ],
  [
    'I21_redis_is_disposable',
    'The loss of Redis loses no payment and charges none twice.',
    'what a loss leaves behind shows in I1, I6 and I20',
  ],
  [
    'I22_marks_are_a_cache',
    'A mark of a finished job neither drops a payment nor keeps one from a second charge.',
    'a payment that a mark dropped shows in I20, a second charge in I1',
  ],
  [
    'I24_groups_begin_at_the_start',
    'A recreated consumer group begins at the first entry.',
    'an entry that a group skipped shows in I20',
  ],
  [
    'I27_accepted_after_commit',
    'A payment is accepted only after its commit.',
    'only the client knows its response; a payment that left a trace shows in I6',
  ],
  [
    'I28_accepts_without_redis',
    'Payments are accepted without Redis, and reach the queue when it is back.',
    'a payment that never reached the queue shows in I5',
  ],
]

/** Reads every invariant of payments, by number: those of `sql/invariants/`, and those that no statement checks. */
export async function readInvariants(): Promise<Invariant[]> {
  const files = (await readdir(SQL_FOLDER)).filter((file) => /^I\d\d_.+\.sql$/.test(file)).toSorted()
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await readInvariantFile(file) })))
  const byName = Map.groupBy(texts, ({ file }) => file.split('.')[0] ?? '')
  const inFiles = [...byName].map(([name, ofName]) => ({
    name,
    ...parseHeaders(ofName.map(({ text }) => text)),
    checks: ofName.map(({ file, text }) => parseCheck(file, text)),
    look: LOOKS[name],
  }))
  const unseen = UNSEEN_INVARIANTS.map(([name, title, reason]) => ({
    name,
    title,
    advice: '',
    checks: [],
    unseen: reason,
  }))
  return [...inFiles, ...REDIS_INVARIANTS, ...unseen].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Reads one file: psql's variables become parameters, with the values of `\set` as their defaults. */
function parseCheck(file: string, text: string): Check {
  const [name = '', suffix] = file.split('.')
  const defaults = new Map(
    [...text.matchAll(/^\\set (\w+) '(.*)'$/gm)].map(([, variable = '', value = '']) => [variable, value]),
  )
  const names = [...defaults.keys()]
  return {
    name,
    scope: suffix === 'ledger' || suffix === 'list' || suffix === 'whole' ? suffix : 'range',
    defaults,
    unlisted: parseHeader(text)['UNLISTED'],
    text: text
      .replaceAll(/^\\set .*\n/gm, '')
      .replaceAll(/:'(\w+)'/g, (_, variable: string) => `$${names.indexOf(variable) + 1}`)
      .replace(/;\s*$/, ''),
  }
}

/** Reads what the headers say of an invariant; the file with an ADVICE is about the invariant itself. */
function parseHeaders(texts: readonly string[]): Pick<Invariant, 'title' | 'advice' | 'needs'> {
  const header = texts.map(parseHeader).find(({ ADVICE }) => ADVICE !== undefined) ?? {}
  const { TITLE: title = '', ADVICE: advice = '', NEEDS: needs } = header
  return { title, advice, needs: needs as Need | undefined }
}

function parseHeader(text: string): Readonly<Record<string, string | undefined>> {
  const header: Record<string, string> = {}
  let field = 'TITLE'
  for (const line of text.split('\n')) {
    if (!line.startsWith('--')) break
    const [, name = field, rest = ''] =
      /^-- +(?:(PARAMS|RETURNS|WHY|ADVICE|NEEDS|UNLISTED) +)?(.*)$/.exec(line) ?? []
    field = name
    header[field] = field in header ? `${header[field]} ${rest}` : rest
  }
  return header
}
