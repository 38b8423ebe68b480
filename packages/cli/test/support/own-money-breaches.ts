import { contradiction, decided, mischarged, type OwnBreach } from './own-breach.ts'

/** Breaches of the rules about money that our own books show. */
export const OWN_MONEY_BREACHES: readonly OwnBreach[] = [
  {
    name: 'two successful attempts of one payment',
    breaks: ['I1', 'I9', 'I18'],
    plant: ({ secondTry }) => `
      drop index payment_attempts_one_success;
      update payment_attempts set outcome = 'SUCCEEDED' where payment_id = '${secondTry}'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'a SUCCESS whose attempt was declined',
    breaks: ['I2'],
    plant: ({ paid }) => `update payment_attempts set outcome = 'DECLINED' where payment_id = '${paid}'`,
  },
  {
    name: 'a successful attempt of a payment that never ended',
    breaks: ['I2', 'I9'],
    plant: ({ unknown }) => `
      update payment_attempts set outcome = 'SUCCEEDED', decided_at = clock_timestamp(), gateway_ref = 'pi_1'
       where payment_id = '${unknown}'`,
    offender: ({ unknown }) => unknown,
  },
  {
    name: 'a SUCCESS with a charge that was refunded',
    breaks: ['I2'],
    plant: ({ paid }) => `
      ${contradiction('late_charge', paid, 'x', { refundRef: 're_1' })}
      update reconciliation_breaks set reference = (select gateway_ref from payments where id = '${paid}')`,
  },
  {
    name: 'a SUCCESS with a charge that was booked under another amount',
    breaks: ['I2'],
    plant: ({ parked }) => `${mischarged(parked)} ${decided(parked, 'SUCCESS', 'pi_known')}`,
    offender: ({ parked }) => parked,
  },
  {
    name: 'a SUCCESS with a charge in another currency',
    breaks: ['I2'],
    plant: ({ paid }) => `
      ${contradiction('duplicate_charge', paid, 'x', { detail: '{"amount":500,"currency":"EUR"}' })}
      update reconciliation_breaks set reference = (select gateway_ref from payments where id = '${paid}')`,
  },
  {
    name: 'a SUCCESS with another charge in place of the known one',
    breaks: ['I2'],
    plant: ({ parked }) => `${mischarged(parked)} ${decided(parked, 'SUCCESS', 'totally-bogus')}`,
    offender: ({ parked }) => parked,
  },
  {
    name: 'a SUCCESS with a charge that is known as another payment’s',
    breaks: ['I2'],
    plant: ({ paid, declined }) => `
      ${contradiction('late_charge', declined, 'x')}
      update reconciliation_breaks set reference = (select gateway_ref from payments where id = '${paid}')`,
  },
  {
    // No unique index compares a gateway that is null, as of a charge that was accepted before any attempt.
    name: 'one charge under two payments',
    breaks: ['I11', 'I2'],
    plant: ({ paid, secondTry }) => `
      update payments set gateway = null where id in ('${paid}', '${secondTry}');
      update payments set gateway_ref = (select gateway_ref from payments where id = '${paid}') where id = '${secondTry}';
      update payment_attempts set gateway_ref = (select gateway_ref from payments where id = '${paid}')
       where payment_id = '${secondTry}' and outcome = 'SUCCEEDED'`,
    offender: ({ secondTry }) => secondTry,
  },
  {
    name: 'a FAILED that was decided against a charge of another amount',
    breaks: ['I3'],
    plant: ({ parked }) => `${mischarged(parked)} ${decided(parked, 'FAILED', '')}`,
    offender: ({ parked }) => parked,
  },
  {
    name: 'a FAILED that was decided against a charge whose contradiction was deleted',
    breaks: ['I3'],
    plant: ({ parked }) => `
      ${mischarged(parked)} ${decided(parked, 'FAILED', '')}
      delete from reconciliation_breaks`,
    offender: ({ parked }) => parked,
  },
  {
    name: 'a FAILED that was decided against a charge that had been known for long',
    breaks: ['I3'],
    plant: ({ declined }) =>
      contradiction('late_charge', declined, 'pi_late', { at: `clock_timestamp() - interval '1 hour'` }),
    offender: ({ declined }) => declined,
  },
  {
    name: 'a FAILED with a successful attempt',
    breaks: ['I2', 'I3', 'I8'],
    plant: ({ declined }) =>
      `update payment_attempts set outcome = 'SUCCEEDED' where payment_id = '${declined}'`,
    offender: ({ declined }) => declined,
  },
  {
    name: 'a late charge whose contradiction was deleted',
    breaks: ['I3'],
    plant: ({ parked }) => `update payments set late_charge_ref = 'pi_late' where id = '${parked}'`,
    offender: ({ parked }) => parked,
  },
  {
    name: 'an open late charge that its payment does not know of',
    breaks: ['I3'],
    plant: ({ unknown }) => contradiction('late_charge', unknown, 'pi_late'),
    offender: ({ unknown }) => unknown,
  },
]
