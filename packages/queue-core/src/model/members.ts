/** Every member of an options type. The compiler keeps such a list complete. */
export type Members<Options> = Readonly<Record<keyof Options, true>>

/** Names that other libraries use, and what they are called here. The first one that the call knows is suggested. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  attempts: ['maxAttempts'],
  batchsize: ['count'],
  concurrent: ['concurrency'],
  deadline: ['timeoutMs'],
  deduplication: ['id'],
  deduplicationid: ['id'],
  duration: ['perMs'],
  eta: ['runAt'],
  expireinseconds: ['timeoutMs'],
  force: ['graceMs'],
  graceperiod: ['graceMs'],
  group: ['orderingKey'],
  groupid: ['orderingKey'],
  interval: ['perMs'],
  jobid: ['id'],
  jobkey: ['id'],
  key: ['orderingKey', 'id'],
  keyprefix: ['prefix'],
  lease: ['visibilityMs'],
  limit: ['count'],
  limiter: ['rateLimit'],
  lockduration: ['visibilityMs'],
  lockrenewtime: ['visibilityMs'],
  maxretries: ['maxAttempts'],
  maxsize: ['maxLength'],
  maxstalledcount: ['maxCrashes'],
  messagegroupid: ['orderingKey'],
  messageid: ['id'],
  onerror: ['onEvent'],
  partitionkey: ['orderingKey'],
  pagesize: ['count'],
  pattern: ['cron'],
  per: ['perMs'],
  prefetch: ['maxPrefetch'],
  priorities: ['priority'],
  priority: ['priorities'],
  processat: ['runAt'],
  processin: ['delayMs'],
  queueconcurrency: ['concurrency'],
  retries: ['maxAttempts'],
  retrybackoff: ['backoff'],
  retrydelay: ['backoff', 'delayMs'],
  retrylimit: ['maxAttempts'],
  runfor: ['timeoutMs'],
  scheduledfor: ['runAt'],
  settings: ['backoff'],
  singletonkey: ['id'],
  stalledinterval: ['visibilityMs'],
  startafter: ['runAt', 'delayMs'],
  start: ['after'],
  timeout: ['timeoutMs', 'graceMs', 'blockMs'],
  timeoutms: ['graceMs', 'blockMs'],
  timezone: ['timeZone'],
  tz: ['timeZone'],
  uniqueid: ['id'],
  uniquekey: ['id'],
  visibilitytimeout: ['visibilityMs'],
  visibilitytimeoutseconds: ['visibilityMs'],
  waitms: ['blockMs'],
  waittimeseconds: ['blockMs'],
}

const NOTHING_KEPT = 'nothing is kept of a finished job, so leave it out'
const IN_SCHEDULE = 'call queue.schedule(key, { cron }, name, data) for a recurring job'

/** What to do about names that have no counterpart. */
const ADVICE: Readonly<Record<string, string>> = {
  autorun: 'a worker does nothing until worker.start()',
  connection: 'the connected client is the first argument',
  cron: IN_SCHEDULE,
  defaultjoboptions: 'give the options with each enqueue, or set the defaults of the worker',
  every: 'give a cron expression; six fields begin with the seconds',
  keeplogs: NOTHING_KEPT,
  lifo: 'jobs of one priority start in the order in which they became ready',
  opts: 'write the options beside name and data',
  options: 'write the options beside name and data',
  parent: 'there are no parent jobs: enqueue the next job at the end of the handler',
  removeoncomplete: NOTHING_KEPT,
  removeonfail: 'a failed job is kept as a dead letter until queue.deleteDeadLetters()',
  repeat: IN_SCHEDULE,
  timestamp: NOTHING_KEPT,
}

/** What the slot of a recurring job says of its jobs. */
const OF_THE_SLOT: readonly string[] = ['id', 'jobid', 'delay', 'delayms', 'runat', 'startafter']

/** Calls that take the options which people most often give to another call. */
const OWNERS: Readonly<Record<string, string>> = {
  allowEviction: 'createWorker',
  concurrency: 'createWorker',
  consumer: 'createWorker',
  dedupeMs: 'createWorker',
  maxCrashes: 'createWorker',
  maxLength: 'createQueue',
  maxPayloadBytes: 'createQueue',
  maxPrefetch: 'createWorker',
  onEvent: 'createWorker',
  rateLimit: 'createWorker',
}

/**
 * Says what is wrong with the options of a call: that they are not an object, or which member is unknown and what to
 * write instead. Undefined when all is well.
 */
export function findWrongMember(
  call: string,
  options: unknown,
  members: Readonly<Record<string, true>>,
): string | undefined {
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
    own(ELSEWHERE, plain)?.find((name) => known.includes(name)) ??
    known.find((name) => withoutUnit(name) === withoutUnit(member)) ??
    known.find((name) => isNear(name.toLowerCase(), plain))
  if (suggested !== undefined) return `use "${suggested}"`
  const owner = own(OWNERS, member)
  return (
    own(ADVICE, plain) ??
    (owner === undefined ? `its options are ${known.join(', ')}` : `it is an option of ${owner}`)
  )
}

function own<Value>(table: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
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
