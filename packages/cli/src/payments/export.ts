import { once } from 'node:events'
import {
  createPaymentStore,
  databaseSettings,
  EXPORT_FORMATS,
  PAYMENT_EXPORT,
  REFUND_EXPORT,
  type Exporter,
  type ExportFormat,
} from '@titan/payments'
import { choice } from '@titan/service'
import { command } from '../command.ts'
import { filterOf, paymentFilter } from './list.ts'
import { refundFilter } from './refunds.ts'

const format = choice(
  { flag: 'format', about: 'Table with a header, or lines of JSON: csv, jsonl.', hint: 'form' },
  EXPORT_FORMATS,
  'csv',
)
/** Rows that are read and held at a time. */
const PAGE = 499

/** `titan payments export`. */
export const paymentsExport = command({
  name: 'titan payments export',
  description: 'Write payments to standard output, newest first. Amounts are in minor units.',
  settings: { ...paymentFilter, format },
  groups: { config: databaseSettings },
  async run({ format: form, ...given }, { database }) {
    const store = createPaymentStore(await database())
    await write(PAYMENT_EXPORT, form, async (after) => {
      const { payments, next } = await store.page({ ...filterOf(given), limit: PAGE, after })
      return { items: payments, next }
    })
    return true
  },
})

/** `titan refunds export`. */
export const refundsExport = command({
  name: 'titan refunds export',
  description: 'Write refunds to standard output, newest first. Amounts are in minor units.',
  settings: { ...refundFilter, format },
  groups: { config: databaseSettings },
  async run({ format: form, ...filter }, { database }) {
    const store = createPaymentStore(await database())
    await write(REFUND_EXPORT, form, async (after) => {
      const { movements, next } = await store.pageMovements({ ...filter, kind: 'refund', limit: PAGE, after })
      return { items: movements, next }
    })
    return true
  },
})

interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | undefined
}

/** Writes page after page, no faster than they are taken. */
async function write<Item>(
  exporter: Exporter<Item>,
  form: ExportFormat,
  read: (after: string | undefined) => Promise<Page<Item>>,
): Promise<void> {
  process.stdout.write(exporter.head(form))
  let after: string | undefined
  do {
    const { items, next } = await read(after)
    if (!process.stdout.write(exporter.lines(items, form))) await once(process.stdout, 'drain')
    after = next
  } while (after !== undefined)
}
