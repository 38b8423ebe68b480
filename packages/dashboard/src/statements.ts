import { statementsIn } from '@titan/payments'

/** Reads one of the statements of the dashboard. */
export const statement: ReturnType<typeof statementsIn> = statementsIn(
  new URL('../statements/', import.meta.url),
)
