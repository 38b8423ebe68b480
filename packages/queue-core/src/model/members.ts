/** Every member of an options type. The compiler keeps such a list complete. */
export type Members<Options> = Readonly<Record<keyof Options, true>>
/** The members of any options. */
export type MemberNames = Readonly<Record<string, true>>

/**
 * Names that other libraries use, by what they are called here, in lower case. Of several that fit, the call gets the
 * first one that it knows.
 */
const ELSEWHERE: Readonly<Record<string, string>> = {
  backoff: 'retrybackoff retrydelay settings',
  orderingKey: 'group groupid key messagegroupid partitionkey',
  id: 'debounce deduplication deduplicationid jobid jobkey key messageid singletonkey uniqueid uniquekey',
  timeoutMs: 'deadline expireinseconds runfor timeout',
  graceMs: 'force graceperiod timeout timeoutms',
  blockMs: 'timeout timeoutms waitms waittimeseconds',
  runAt: 'eta processat scheduledfor startafter',
  delayMs: 'processin retrydelay startafter',
  after: 'start',
  concurrency: 'concurrent queueconcurrency',
  count: 'batchsize limit pagesize',
  cron: 'pattern',
  deadLetters: 'removeonfail',
  defaults: 'defaultjoboptions joboptions',
  maxAgeMs: 'age',
  maxAttempts: 'attempts maxretries retries retrylimit',
  maxCount: 'count',
  maxCrashes: 'maxstalledcount',
  maxLength: 'maxsize',
  maxPayloadBytes: 'sizelimit',
  maxPrefetch: 'prefetch',
  onEvent: 'onerror',
  perMs: 'duration interval per',
  prefix: 'keyprefix',
  priorities: 'priority',
  priority: 'priorities',
  rateLimit: 'limiter',
  timeZone: 'timezone tz',
  visibilityMs: 'lease lockduration lockrenewtime stalledinterval visibilitytimeout visibilitytimeoutseconds',
}

const NOTHING_KEPT = 'a finished job leaves nothing, so leave it out'
const IN_SCHEDULE = 'call queue.schedule(key, { cron }, name, data) for a recurring job'

/** What to do about names that have no counterpart. */
const ADVICE: Readonly<Record<string, string>> = {
  autorun: 'a worker does nothing until worker.start()',
  connection: 'the connected client is the first argument',
  cron: IN_SCHEDULE,
  defaultjoboptions: 'give createQueue defaults, or set those of the worker',
  every: 'give a cron expression; six fields begin with the seconds',
  keeplogs: NOTHING_KEPT,
  lifo: 'jobs of one priority start in the order in which they became ready',
  opts: 'write the options next to name and data',
  options: 'write the options next to name and data',
  parent: 'there are no parent jobs: enqueue the next job at the end of the handler',
  removeoncomplete: NOTHING_KEPT,
  removeonfail: 'a failed job is kept as a dead letter: bound those with deadLetters of createWorker',
  repeat: IN_SCHEDULE,
  timestamp: NOTHING_KEPT,
}

/** What the slot of a recurring job sets for its jobs. */
const OF_THE_SLOT: readonly string[] = ['id', 'jobid', 'delay', 'delayms', 'runat', 'startafter']

/** Options that people most often give to another call, by the call that takes them. */
const OWNERS: Readonly<Record<string, string>> = {
  createQueue: 'defaults maxLength maxPayloadBytes',
  createWorker:
    'allowEviction concurrency consumer deadLetters dedupeMs maxCrashes maxPrefetch onEvent rateLimit',
}

/**
 * Says what is wrong with the options of a call: that they are not an object, or which member is unknown and what to
 * write instead. Undefined when all is well.
 */
export function findWrongMember(call: string, options: unknown, members: MemberNames): string | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return `The options of ${call} are not an object: leave them out if there are none`
  for (const member of Object.keys(options))
    if (members[member] !== true)
      return `${call} has no option ${JSON.stringify(member)}: ${advise(call, member, Object.keys(members))}`
  return undefined
}

function advise(call: string, member: string, known: readonly string[]): string {
  const plain = member.toLowerCase()
  if (call === 'schedule' && OF_THE_SLOT.includes(plain))
    return 'each slot of the schedule sets it, so leave it out'
  const suggested =
    keysWith(ELSEWHERE, plain).find((name) => known.includes(name)) ??
    known.find((name) => withoutUnit(name) === withoutUnit(member)) ??
    known.find((name) => isNear(name.toLowerCase(), plain))
  if (suggested !== undefined) return `use "${suggested}"`
  if (Object.hasOwn(ADVICE, plain)) return ADVICE[plain] ?? ''
  const [owner] = keysWith(OWNERS, member)
  return owner === undefined ? `its options are ${known.join(', ')}` : `it is an option of ${owner}`
}

/** Keys of a table under which a word is listed. */
function keysWith(table: Readonly<Record<string, string>>, word: string): string[] {
  return Object.keys(table).filter((key) => table[key]?.split(' ').includes(word))
}

const withoutUnit = (name: string): string => name.toLowerCase().replace(/(?:ms|millis|milliseconds)$/, '')

/** Whether one name is the other with one letter added, missing, changed, or two neighbours swapped. */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || Math.min(a.length, b.length) < 4) return false
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  const [restA, restB] = [a.slice(at), b.slice(at)]
  if (restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1)) return true
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2)
}
