import { inDatabase, requested, same, type Breach } from './breach.ts'

/** Breaches of the rules about attempts and their keys. */
export const ATTEMPT_BREACHES: readonly Breach[] = [
  {
    name: 'a second attempt after one that was not declined',
    breaks: ['I9'],
    plant: inDatabase(
      (sql, { secondTry }) =>
        sql`update payment_attempts set outcome = 'NOT_SENT' where payment_id = ${secondTry} and attempt_no = 1`,
    ),
    offender: ({ ids }) => ids.secondTry,
  },
  {
    name: 'a second attempt from before the first was decided',
    breaks: ['I9'],
    plant: inDatabase(
      (sql, { secondTry }) =>
        sql`update payment_attempts a set decided_at = b.decided_at from payment_attempts b
             where a.payment_id = ${secondTry} and a.attempt_no = 1 and b.payment_id = a.payment_id and b.attempt_no = 2`,
    ),
    offender: ({ ids }) => ids.secondTry,
  },
  {
    name: 'a key that is no function of payment and attempt',
    breaks: ['I10', 'I18'],
    plant: inDatabase(async (sql, { parked }) => {
      await sql`alter table payment_attempts drop constraint payment_attempts_key_is_derived`
      await sql`update payment_attempts set gateway_key = 'titan_random' where payment_id = ${parked}`
    }),
    offender: ({ ids }) => ids.parked,
  },
  {
    name: 'a key that was sent before it was committed',
    breaks: ['I10'],
    plant: (world) =>
      world.rewrite((entry) =>
        entry.type === 'request' && entry.reference === world.ids.paid
          ? { ...entry, at: entry.at - 60_000 }
          : entry,
      ),
  },
  {
    name: 'an amount that changed under its key',
    breaks: ['I11'],
    plant: (world) =>
      world.rewrite((entry) =>
        entry.type === 'request' && entry.reference === world.ids.paid ? { ...entry, amount: 501 } : entry,
      ),
  },
  {
    name: 'an attempt of another amount than its payment',
    breaks: ['I11', 'I26'],
    plant: inDatabase(async (sql, { parked }) => {
      await sql`update payments set amount = 501 where id = ${parked}`
    }),
    offender: ({ ids }) => ids.parked,
  },
  {
    name: 'a key that the gateway refused for other parameters',
    breaks: ['I11'],
    plant: (world) =>
      world.rewrite((entry) => (entry.type === 'answered' ? { ...entry, isMismatch: true } : entry)),
    offender: ({ ids }) => `titan_${ids.paid}_1`,
  },
  {
    name: 'a key that was sent again after its shelf life',
    breaks: ['I12'],
    plant: async (world) => {
      const { at, key, reference } = await world.chargeOf(world.ids.paid)
      await world.rewrite(same, [requested({ at: at + 86_500_000, key, reference })])
    },
    offender: ({ ids }) => `titan_${ids.paid}_1`,
  },
  {
    name: 'more retries than there may be',
    breaks: ['I13'],
    plant: inDatabase((sql, { paid }) => sql`update payments set retries = 3 where id = ${paid}`),
    args: ['--max-retries', '2'],
  },
  {
    name: 'a retry after a hard decline',
    breaks: ['I13'],
    plant: inDatabase(
      (sql, { secondTry }) => sql`
        update payment_event_rows set evidence = evidence || '{"kind":"hard"}'
         where payment_id = ${secondTry} and type = 'payment.retrying'`,
    ),
    offender: ({ ids }) => ids.secondTry,
  },
]
