import type { Invariant, UnseenInvariant } from './invariant.ts'
import { findDueWithoutJob, findJobsLeft, findJobsWithoutPayment, findStrangeEntries } from './redis.ts'
import { findSchemaBreaches } from './schema.ts'

const SHOW = 'Compare `titan payments show <id>` with the gateway’s own books.'
const TAMPERED = 'Find out who wrote to the table, and restore the value from a backup.'

const MONEY: readonly Invariant[] = [
  {
    name: 'I01_charged_at_most_once',
    title: 'At most one captured charge per payment.',
    needs: 'ledger',
    advice: 'Refund every charge but one at the gateway, and record it with `titan payments refund`.',
  },
  {
    name: 'I02_success_is_charged',
    title: 'SUCCESS stands for one captured charge of equal amount and currency, whose id is stored.',
    needs: 'ledger',
    advice: `${SHOW} Refund a charge that is not the payment’s own or of another amount, and record it.`,
  },
  {
    name: 'I03_failed_is_not_charged',
    title: 'FAILED stands for no captured charge.',
    needs: 'ledger',
    advice: 'Refund the charge at the gateway, and record it with `titan payments refund`.',
  },
  {
    name: 'I04_sums_are_equal',
    title: 'Per currency, the payments in SUCCESS add up to what the gateway captured.',
    needs: 'ledger',
    advice:
      'See I01 to I03 for the payments. A charge without a payment is not ours: look for another sender.',
  },
]

const LIFE: readonly Invariant[] = [
  {
    name: 'I05_payments_come_to_an_end',
    title: 'Every payment is final or in review, and no job is left.',
    needs: 'settled',
    advice: 'Start the workers with their relay and reconciler, and see `titan doctor`.',
    look: findJobsLeft,
  },
  {
    name: 'I06_nothing_is_lost',
    title:
      'Every payment that left a trace, in the history, in webhooks, in the queue or at the gateway, is there.',
    usesLedger: true,
    advice: 'Restore the row from a backup. After a restore, refund what the gateway charged for it.',
    look: findJobsWithoutPayment,
  },
  {
    name: 'I07_terminal_is_final',
    title: 'Nothing happens to a payment after SUCCESS or FAILED.',
    advice: `${SHOW} ${TAMPERED}`,
  },
  {
    name: 'I08_failure_has_evidence',
    title: 'FAILED has its evidence: the decline, the certainty that nothing was sent, or who canceled.',
    advice: `${SHOW} Refund a charge that it turns out to have.`,
  },
]

const ATTEMPTS: readonly Invariant[] = [
  {
    name: 'I09_attempts_follow_declines',
    title: 'Attempts count up from 1, each after the gateway declined the one before; one is open at a time.',
    advice: `${SHOW} Look for a charge under each gateway key.`,
  },
  {
    name: 'I10_keys_are_derived',
    title: 'The gateway key is a function of payment and attempt, committed before the first byte was sent.',
    usesLedger: true,
    advice: `${SHOW} Look for a charge under each gateway key.`,
  },
  {
    name: 'I11_parameters_are_frozen',
    title: 'Amount, currency and gateway under a gateway key never change.',
    usesLedger: true,
    advice: `${SHOW} ${TAMPERED}`,
  },
  {
    name: 'I12_keys_are_fresh',
    title: 'No gateway key is sent again when its shelf life is over.',
    needs: 'ledger',
    advice: 'Look at the gateway for a second charge, and check the clocks with `titan doctor`.',
  },
  {
    name: 'I13_retries_are_bounded',
    title: 'Retries stay within their budget, and a hard decline gets none.',
    advice: 'Give --max-retries the value that the workers have; else look for a worker of another version.',
  },
]

const UNSEEN_CALLS: readonly UnseenInvariant[] = [
  {
    name: 'I14_no_open_transaction',
    title: 'No transaction is open while a gateway is called.',
    unseen: 'leaves no trace: only a look at the connections during a call shows it',
  },
  {
    name: 'I15_writes_compare_and_set',
    title: 'Every write of a status compares id, status and fence first.',
    unseen: 'a property of the statements: what breaking it leads to shows in I7, I16 and I17',
  },
]

const HISTORY: readonly Invariant[] = [
  {
    name: 'I16_fences_grow',
    title: 'The fence grows with every claim, and none is beyond the payment’s own.',
    advice: `${SHOW} Two workers may have written: look for a worker of another version.`,
  },
  {
    name: 'I17_history_is_whole',
    title:
      'Events are numbered without gaps, each continues where the last one ended, and the last is the status.',
    advice: `${SHOW} ${TAMPERED}`,
  },
  {
    name: 'I18_transitions_are_legal',
    title: 'Every transition is legal, and the schema that refuses others is as the migrations made it.',
    advice: `Restore the object as the files in sql/ define it. Until then the database refuses nothing. ${SHOW}`,
    look: ({ sql }) => findSchemaBreaches(sql),
  },
  {
    name: 'I19_one_clock',
    title: 'Leases and times are by the database’s clock: none from its future, no lease of over a day.',
    advice: 'Check the clock of the database server with `titan doctor`.',
  },
  {
    name: 'I20_due_has_job',
    title: 'A job is done only when PostgreSQL has no more need of it: every payment long due has its job.',
    needs: 'redis',
    advice: '`titan recover`, and see that a titan-worker runs with its reconciler.',
    look: findDueWithoutJob,
  },
]

const UNSEEN_REDIS: readonly UnseenInvariant[] = [
  {
    name: 'I21_redis_is_disposable',
    title: 'The loss of Redis loses no payment and charges none twice.',
    unseen: 'what a loss leaves behind shows in I1, I6 and I20',
  },
  {
    name: 'I22_marks_are_a_cache',
    title: 'A mark of a finished job neither drops a payment nor keeps one from a second charge.',
    unseen: 'a payment that a mark dropped shows in I20, a second charge in I1',
  },
]

const QUEUE: readonly Invariant[] = [
  {
    name: 'I23_entries_carry_ids',
    title: 'Entries of the queue carry the id of a payment and nothing else.',
    needs: 'redis',
    advice: 'Find out who writes to the stream; workers read amounts from PostgreSQL only.',
    look: findStrangeEntries,
  },
]

const UNSEEN_GROUP: readonly UnseenInvariant[] = [
  {
    name: 'I24_groups_begin_at_the_start',
    title: 'A consumer group that is made again begins at the first entry.',
    unseen: 'an entry that a group passed over shows in I20',
  },
]

const REQUESTS: readonly Invariant[] = [
  {
    name: 'I25_one_key_one_payment',
    title: 'One idempotency key is one payment.',
    advice: `${SHOW} Refund the second charge, and restore the unique constraint.`,
  },
  {
    name: 'I26_request_is_unchanged',
    title: 'Amount, currency and key are those that the client sent: the stored hash is recomputed.',
    advice: `${SHOW} ${TAMPERED}`,
  },
]

const UNSEEN_API: readonly UnseenInvariant[] = [
  {
    name: 'I27_accepted_after_commit',
    title: 'A payment is accepted only after its commit.',
    unseen: 'only the client knows what it was told; a payment that left a trace shows in I6',
  },
  {
    name: 'I28_accepts_without_redis',
    title: 'Payments are accepted without Redis, and reach the queue when it is back.',
    unseen: 'a payment that never reached the queue shows in I5',
  },
]

const BOUNDS: readonly Invariant[] = [
  {
    name: 'I29_amounts_are_whole_units',
    title: 'An amount is a whole number of minor units from 1 to 2^53 - 1, a currency three capital letters.',
    advice: `${SHOW} ${TAMPERED}`,
  },
  {
    name: 'I30_event_with_transition',
    title: 'An outgoing webhook tells of an event in the history, with the amount of its payment.',
    advice:
      'Compare the payment’s events with its webhooks in `titan payments show <id>`, and tell the receiver.',
  },
]

/** Every invariant of payments, in their order. */
export const INVARIANTS: readonly (Invariant | UnseenInvariant)[] = [
  ...MONEY,
  ...LIFE,
  ...ATTEMPTS,
  ...UNSEEN_CALLS,
  ...HISTORY,
  ...UNSEEN_REDIS,
  ...QUEUE,
  ...UNSEEN_GROUP,
  ...REQUESTS,
  ...UNSEEN_API,
  ...BOUNDS,
]
