import { charged, endAll, inDatabase, requested, same, type Breach } from './breach.ts'

/** Breaches of the rules about money. */
export const MONEY_BREACHES: readonly Breach[] = [
  {
    name: 'two charges for one payment',
    breaks: ['I1', 'I4'],
    plant: async (world) => world.rewrite(same, [await charged(world, { reference: world.ids.paid })]),
  },
  {
    name: 'a charge of a wrong amount',
    breaks: ['I2', 'I4'],
    plant: (world) =>
      world.rewrite((entry) =>
        entry.type === 'executed' && entry.charge?.reference === world.ids.paid
          ? { ...entry, charge: { ...entry.charge, amount: 499 } }
          : entry,
      ),
  },
  {
    name: 'a charge of a wrong currency',
    breaks: ['I2', 'I4'],
    plant: (world) =>
      world.rewrite((entry) =>
        entry.type === 'executed' && entry.charge?.reference === world.ids.paid
          ? { ...entry, charge: { ...entry.charge, currency: 'eur' } }
          : entry,
      ),
  },
  {
    name: 'a SUCCESS without a charge',
    breaks: ['I2', 'I4'],
    plant: (world) =>
      world.rewrite((entry) =>
        entry.type === 'executed' && entry.charge?.reference === world.ids.paid
          ? { ...entry, charge: null }
          : entry,
      ),
  },
  {
    name: 'a SUCCESS that names another charge',
    breaks: ['I2'],
    plant: inDatabase(
      (sql, { paid }) => sql`update payments set gateway_ref = 'pi_other' where id = ${paid}`,
    ),
  },
  {
    name: 'a charge under a declined attempt of a payment that goes on',
    breaks: ['I2'],
    plant: inDatabase(
      (sql, { unknown }) => sql`
        with closed as (
          update payments set attempt_open = false where id = ${unknown}
        )
        update payment_attempts set outcome = 'DECLINED', decided_at = clock_timestamp() where payment_id = ${unknown}`,
    ),
    offender: ({ ids }) => ids.unknown,
  },
  {
    name: 'a charge under a FAILED payment',
    breaks: ['I3', 'I4'],
    plant: async (world) => world.rewrite(same, [await charged(world, { reference: world.ids.canceled })]),
    offender: ({ ids }) => ids.canceled,
  },
  {
    name: 'a charge of nobody',
    breaks: ['I4'],
    args: ['--settled', '--no-redis'],
    plant: async (world) => {
      await world.rewrite(same, [await charged(world, { reference: null })])
      await endAll(world)
    },
    offender: () => 'USD payments 1500, charges 2000',
  },
  {
    name: 'a payment that is gone from the table',
    breaks: ['I6'],
    plant: inDatabase((sql, { queued }) => sql`delete from payments where id = ${queued}`),
    offender: ({ ids }) => ids.queued,
  },
  {
    name: 'a payment that only the gateway has heard of',
    breaks: ['I6'],
    plant: (world) =>
      world.rewrite(same, [
        requested({ at: Date.now() - 60_000, key: 'titan_pay_gone_1', reference: 'pay_gone' }),
      ]),
    offender: () => 'pay_gone',
  },
]
